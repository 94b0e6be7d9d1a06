using System.Text;
using CsCheck;

namespace Airbench.Tests;

/// <summary>Random YAML trees around the words of a pipeline, in random styles: block and flow, quotes, anchors, merge keys, duplicates, tags.</summary>
internal static class RandomTree
{
    private static readonly string[] Stages = ["prepare", "train", "export", "evaluate"];

    private static readonly string[] Keys =
    [
        "name", "seed", "device", "stages", "env", "usd_per_hour", "uses", "needs", "with", "source", "epochs", "widths", "notes", "optimizer", "lr", "gates",
        "variants", "tta", "prepare", "train", "<<", "? a", "\"\"", "null", "1", "[a]", "{a: b}", "&k key", "*k", "!!str key", "ключ",
    ];

    private static readonly string[] Scalars =
    [
        "1", "2.5", "-1", "true", "off", "null", "~", "", "synthetic", "cifar10", "mirror", "fp32", "'quoted'", "\"dou\\nble\"", "\"\\uD83D\"", "*k", "&k v", "!!int 3",
        "!x y", "${env:HOME}", "\"${env:HOME}\"", "'$${'", "|\n   text\n   more", ">-\n   folded", "# nothing", "- x", "a: b: c", "@x", "%x", "1e400", "0x10", "🦊",
    ];

    /// <summary>A pipeline that is right but for up to three subtrees, which are anything.</summary>
    public static Gen<string> Texts() => Gen.Select(Gen.Int[0, 3], Gen.Int.Array[60], Gen.Bool).Select((damage, choices, flow) =>
    {
        var writer = new Writer(choices, damage);
        return flow ? writer.Flow() : writer.Block();
    });

    private sealed class Writer(int[] choices, int damage)
    {
        private readonly StringBuilder _text = new();
        private int _next;
        private int _damage = damage;

        public string Block()
        {
            Line(0, "name", "demo");
            Line(0, "seed", "1");
            _text.Append("stages:\n");
            var needs = new List<string>();
            foreach (var stage in Stages.Take(1 + Choose(Stages.Length)))
            {
                _text.Append("  ").Append(stage).Append(":\n");
                Line(4, "uses", stage);
                Line(4, "needs", $"[{string.Join(", ", needs.Where(n => stage != "evaluate" ? n == needs[^1] : n is "prepare" or "export"))}]");
                if (Choose(2) == 0)
                {
                    Line(4, "with", "{}");
                }

                needs.Add(stage);
            }
            return _text.ToString();
        }

        public string Flow() => $"{{ name: {Or("demo")}, stages: {{ prepare: {{ uses: {Or("prepare")}, with: {{ source: {Or("synthetic")}, image_size: {Or("32")} }} }} }} }}";

        private void Line(int indent, string key, string value)
        {
            var margin = new string(' ', indent);
            if (_damage > 0 && Choose(6) == 0)
            {
                _damage--;
                switch (Choose(4))
                {
                    case 0: key = Pick(Keys); break;
                    case 1: Tree(indent + 2, depth: 0, key); return;
                    case 2: _text.Append(margin).Append(key).Append(": ").Append(Pick(Scalars)).Append('\n'); break;   // and once more below
                    default: value = FlowTree(0); break;
                }
            }
            _text.Append(margin).Append(key).Append(": ").Append(value).Append('\n');
        }

        /// <summary>A subtree in block style below <paramref name="key"/>.</summary>
        private void Tree(int indent, int depth, string key)
        {
            _text.Append(' ', indent - 2).Append(key).Append(':');
            if (depth > 3 || Choose(3) == 0)
            {
                _text.Append(' ').Append(Pick(Scalars)).Append('\n');
                return;
            }
            _text.Append(Choose(8) == 0 ? " &k\n" : "\n");
            for (var i = Choose(4); i >= 0; i--)
            {
                if (Choose(4) == 0)
                {
                    _text.Append(' ', indent).Append("- ").Append(FlowTree(depth)).Append('\n');
                }
                else
                {
                    Tree(indent + 2 + (Choose(10) == 0 ? 1 : 0), depth + 1, Pick(Keys));
                }
            }
        }

        private string FlowTree(int depth) => (depth > 3 ? 0 : Choose(3)) switch
        {
            0 => Pick(Scalars),
            1 => $"[{string.Join(", ", Enumerable.Range(0, Choose(4)).Select(_ => FlowTree(depth + 1)))}]",
            _ => $"{{ {string.Join(", ", Enumerable.Range(0, Choose(4)).Select(_ => $"{Pick(Keys)}: {FlowTree(depth + 1)}"))} }}",
        };

        private string Or(string value)
        {
            if (_damage == 0 || Choose(3) != 0)
            {
                return value;
            }

            _damage--;
            return FlowTree(0);
        }

        private string Pick(string[] words) => words[Choose(words.Length)];

        private int Choose(int below) => (choices[_next++ % choices.Length] & int.MaxValue) % below;
    }
}
