namespace Airbench.Tests;

/// <summary>The browser of the tests.</summary>
internal static class Chromium
{
    /// <summary>Skips the test where it, Node or one of its packages is not there.</summary>
    public static void SkipWithout(params string[] packages)
    {
        Programs.SkipWithoutNode(packages);
        Assert.SkipUnless(
            File.Exists(Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium"),
            "no Chromium here (Debian: apt install chromium; elsewhere: CHROMIUM names the program)");
    }
}
