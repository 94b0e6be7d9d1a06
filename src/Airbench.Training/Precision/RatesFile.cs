namespace Airbench.Training;

/// <summary>Rates that were measured once, kept for later trainings: <c>precision/&lt;hash of the key&gt;.json</c> in the user's cache.</summary>
/// <param name="Key">What they hold for.</param>
/// <param name="Rates">The rates.</param>
internal sealed record RatesFile(RatesKey Key, ArithmeticRates Rates)
{
    /// <summary>The rates with this key; null where there are none, or the file cannot be read: then they are measured again.</summary>
    public static ArithmeticRates? Read(string folder, RatesKey key)
    {
        try
        {
            return PathOf(folder, key) is var path && File.Exists(path) && Json.Read<RatesFile>(path) is { } file && file.Key == key ? file.Rates : null;
        }
        catch (Exception e) when (e is InvalidFileException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="IOException">There is no room for it, or no place.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public static void Write(string folder, RatesKey key, ArithmeticRates rates) =>
        AtomicFolder.WriteFile(PathOf(folder, key), Json.Write(new RatesFile(key, rates)));

    private static string PathOf(string folder, RatesKey key) => Path.Combine(folder, "precision", $"{Hash.OfText(Json.Write(key))[..16]}.json");
}
