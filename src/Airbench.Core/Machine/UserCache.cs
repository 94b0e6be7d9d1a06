namespace Airbench;

/// <summary>
/// A folder for files that can be made again, and where none can be written, a temporary one: containers and services run as users without a
/// home.
/// </summary>
public static class UserCache
{
    /// <summary>Environment variable that names the folder.</summary>
    public const string Variable = "AIRBENCH_CACHE";

    /// <summary>
    /// Has <paramref name="use"/> work with the folder: that of <see cref="Variable"/>, or the user's own. Where that cannot be written, it works with a new
    /// temporary folder, which nobody else can have prepared and which is removed afterwards.
    /// </summary>
    /// <param name="use">Gets a folder that may not exist yet.</param>
    /// <exception cref="IOException">No folder can be written; the message has each with its reason, and the variables that choose others.</exception>
    public static T Use<T>(Func<string, T> use) => Use(
        Environment.GetEnvironmentVariable(Variable),
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), use);

    /// <inheritdoc cref="Use{T}(Func{string, T})"/>
    /// <param name="chosen">What <see cref="Variable"/> says; null or empty where it is not set.</param>
    /// <param name="home">Where the user's programs keep their files; empty where the system does not know.</param>
    /// <param name="use">As above.</param>
    internal static T Use<T>(string? chosen, string home, Func<string, T> use)
    {
        var isChosen = !string.IsNullOrEmpty(chosen);
        var folder = isChosen ? Path.GetFullPath(chosen!) : home.Length > 0 ? Path.Combine(home, "airbench") : null;
        var problem = "no home folder is known";
        if (folder is not null)
        {
            try
            {
                return use(folder);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                problem = $"{folder}: {e.Message}";
                if (isChosen)
                {
                    throw new IOException($"{problem} ({Variable} names this folder; expected one that can be written)", e);
                }
            }
        }
        try
        {
            return Temporarily(use);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{problem}; {Path.GetTempPath()}: {e.Message}. Name a folder that can be written in {Variable} or TMPDIR", e);
        }
    }

    private static T Temporarily<T>(Func<string, T> use)
    {
        var folder = Directory.CreateTempSubdirectory("airbench-cache-");
        try
        {
            return use(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
