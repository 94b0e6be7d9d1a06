namespace Airbench.Data;

/// <summary>
/// A row of a CSV file: an image, or the reason why there is none. There may be millions of files on a slow disk, which nothing touches before
/// they are read.
/// </summary>
internal sealed record CsvRow : DiskFile
{
    private readonly string _folder;
    private readonly string? _problem;

    private CsvRow(string folder, long row, string name, string? problem) : base(name, IsFolder: false, row, System.IO.Path.Combine(folder, name)) =>
        (_folder, _problem) = (folder, problem);

    /// <inheritdoc/>
    public override long? Bytes => null;

    /// <summary>The full path, however it was written.</summary>
    public override string Identity => IsPath ? System.IO.Path.GetFullPath(Slashed(FullPath)) : $"\0{Position}";

    /// <summary>Whether the row names a path at all.</summary>
    public bool IsPath => Path.Length > 0 && !Path.Contains('\0', StringComparison.Ordinal);

    /// <summary>A list from Windows separates by backslashes, which elsewhere may be part of a name.</summary>
    public override string Location =>
        System.IO.Path.DirectorySeparatorChar == '/' && Path.Contains('\\', StringComparison.Ordinal) && !File.Exists(FullPath) ? Slashed(FullPath) : FullPath;

    /// <summary>The row.</summary>
    /// <param name="folder">Of the CSV file.</param>
    /// <param name="row">Its number, from 1 below the header.</param>
    /// <param name="name">The path.</param>
    /// <param name="label">The class; null where labels are left alone.</param>
    public static CsvRow Of(string folder, long row, string name, string? label)
    {
        var unlabelled = label is null ? null
            : label.Length == 0 ? $"row {row} has an empty label"
            : IsGarbled(label) ? $"row {row} has a label that is not UTF-8 ('{label}'): save the CSV file as UTF-8"
            : null;
        var problem = name.Length == 0 ? $"row {row} has an empty path" : unlabelled;
        return new CsvRow(folder, row, name, problem) { Class = label is null || unlabelled is not null ? null : NormalFormC.Of(label) };
    }

    /// <inheritdoc/>
    protected override string? Problem()
    {
        if (Path.AsSpan().ContainsAny('\n', '\r') && !File.Exists(Location))
        {
            return $"row {Position} has a path of several lines: a quotation mark (\") before it has no other";
        }
        if ((_problem ?? base.Problem()) is { } problem)
        {
            return problem;
        }
        return File.Exists(Location) ? null
            : IsGarbled(Path) ? $"row {Position} has a path that is not UTF-8: save the CSV file as UTF-8"
            : System.IO.Path.DirectorySeparatorChar == '/' && Path is [_, ':', '\\' or '/', ..] ? "it is a path of Windows, with a drive; expected one below the CSV file's folder"
            : null;   // the error of opening says what is wrong
    }

    /// <summary>What a decoder puts in the place of bytes that are not UTF-8, as those of Latin-1 are.</summary>
    private static bool IsGarbled(string text) => text.Contains('\uFFFD', StringComparison.Ordinal);

    private static string Slashed(string path) => path.Replace('\\', System.IO.Path.DirectorySeparatorChar);
}
