using System.Text;
using System.Text.Json.Nodes;

namespace Airbench.Tests;

/// <summary>Damage to a JSON file: values of other kinds and sizes in their places, members lost and doubled, bytes changed and cut off.</summary>
internal static class JsonFuzz
{
    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "3", "0.5", "1000000000", "3000000000", "-1e308", "1e999", "-1e999", "\"\"", "\"\\u0000\"", "\"a\\u0000b\"", "\"a\\nb\"",
        "\"../../x\"", "\"1\"", "\"NaN\"", "\"HALF\"", "[]", "{}", "[null]", "[[]]", "[1,2,3,4]", "{\"a\":null}", "{\"\\u0000\":1}", "{\"a\":{\"b\":[null]}}",
    ];

    /// <summary>Reads so many damaged forms of a valid file; each is accepted or refused by name, whatever it is.</summary>
    /// <param name="valid">The valid file's content.</param>
    /// <param name="cases">How many; a hundred times as many in the long form.</param>
    /// <param name="read">Reads a damaged form.</param>
    /// <returns>How many were refused.</returns>
    public static int Refused(string valid, int cases, Action<byte[]> read)
    {
        var refused = 0;
        for (var i = 0; i < cases * (LongForm.IsAskedFor ? 100 : 1); i++)
        {
            var damaged = Damage(valid, new Random(i));
            try
            {
                read(damaged);
            }
            catch (AirbenchException e)
            {
                refused++;
                Assert.False(e.Message.Any(c => char.IsControl(c) && c != '\n'), e.Message);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"case {i}: {Encoding.UTF8.GetString(damaged)}", e);
            }
        }
        return refused;
    }

    private static byte[] Damage(string valid, Random random)
    {
        if (random.Next(4) > 0)
        {
            var root = JsonNode.Parse(valid)!;
            for (var i = random.Next(1, 3); i > 0; i--)
            {
                Replace(root, random);
            }
            return Encoding.UTF8.GetBytes(root.ToJsonString().Replace("HALF", "\\ud800", StringComparison.Ordinal));   // half a character, which the writer refuses
        }
        var bytes = Encoding.UTF8.GetBytes(valid);
        var place = random.Next(bytes.Length);
        switch (random.Next(4))
        {
            case 0:
                return bytes[..place];
            case 1:
                bytes[place] = (byte)random.Next(256);
                return bytes;
            case 2:
                return [.. bytes[..place], .. bytes[Math.Min(bytes.Length, place + random.Next(20))..]];
            default:
                var line = valid.Split('\n');
                var doubled = random.Next(line.Length);
                return Encoding.UTF8.GetBytes(string.Join('\n', [.. line[..doubled], line[doubled], .. line[doubled..]]));   // a member twice, mostly
        }
    }

    private static void Replace(JsonNode root, Random random)
    {
        var places = Places(root).ToList();
        if (places.Count == 0)
        {
            return;
        }
        var (parent, key) = places[random.Next(places.Count)];
        var value = random.Next(8) == 0 ? null : JsonNode.Parse(Values[random.Next(Values.Length)]);
        switch (parent, key)
        {
            case (JsonObject map, string name) when random.Next(10) == 0:
                map.Remove(name);
                break;
            case (JsonObject map, string name) when random.Next(20) == 0:
                map[name + "x"] = value;
                break;
            case (JsonObject map, string name):
                map[name] = value;
                break;
            case (JsonArray list, int i):
                list[i] = value;
                break;
        }
    }

    /// <summary>Every value below <paramref name="node"/>, by what holds it.</summary>
    private static IEnumerable<(JsonNode Parent, object Key)> Places(JsonNode node) => node switch
    {
        JsonObject map => map.SelectMany(member => Below(map, member.Key, member.Value)),
        JsonArray list => list.SelectMany((item, i) => Below(list, i, item)),
        _ => [],
    };

    private static IEnumerable<(JsonNode Parent, object Key)> Below(JsonNode parent, object key, JsonNode? value) =>
        [(parent, key), .. value is null ? [] : Places(value)];
}
