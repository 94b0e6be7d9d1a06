namespace Airbench;

/// <summary>
/// What a stage leaves on disk: a folder that is whole once its manifest is there. Holds paths, shapes, hashes and settings,
/// never live tensors.
/// </summary>
/// <param name="Folder">Where it is stored.</param>
public abstract record Artifact(string Folder)
{
    /// <summary>Full path of a file of this artifact.</summary>
    public string File(string name) => Path.Combine(Folder, name);
}
