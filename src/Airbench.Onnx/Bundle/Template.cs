namespace Airbench.Onnx;

/// <summary>Files that are the same in every bundle: they are in <c>Bundle/Templates</c> and are embedded in this assembly.</summary>
internal static class Template
{
    private const string Prefix = "Bundle/";

    /// <summary>Path inside the bundle -> template.</summary>
    public static IReadOnlyDictionary<string, string> Files { get; } = new Dictionary<string, string>
    {
        ["samples/csharp/classify.cs"] = "classify.cs",
        ["samples/csharp/images.cs"] = "images.cs",
        ["samples/csharp/picture.cs"] = "picture.cs",
        ["samples/python/classify.py"] = "classify.py",
        ["samples/python/images.py"] = "images.py",
        ["samples/python/requirements.txt"] = "requirements.txt",
        ["samples/javascript/classify.mjs"] = "classify.mjs",
        ["samples/javascript/images.mjs"] = "images.node.mjs",
        ["samples/javascript/package.json"] = "package.json",
        ["samples/javascript/tiff.mjs"] = "tiff.mjs",
        ["web/index.html"] = "index.html",
        ["web/style.css"] = "style.css",
        ["web/app.mjs"] = "app.mjs",
        ["web/bmp.mjs"] = "bmp.mjs",
        ["web/exif.mjs"] = "exif.mjs",
        ["web/formats.mjs"] = "formats.mjs",
        ["web/gif.mjs"] = "gif.mjs",
        ["web/guard.js"] = "guard.js",
        ["web/images.mjs"] = "images.mjs",
        ["web/jpeg.mjs"] = "jpeg.mjs",
        ["web/model.mjs"] = "model.mjs",
        ["web/notice.mjs"] = "notice.mjs",
        ["web/png.mjs"] = "png.mjs",
        ["web/preprocess.mjs"] = "preprocess.mjs",
        ["web/teach.mjs"] = "teach.mjs",
        ["web/teacher.mjs"] = "teacher.mjs",
        ["web/webp.mjs"] = "webp.mjs",
    };

    /// <summary>Content of a template, with "\n".</summary>
    public static string Text(string name)
    {
        using var stream = typeof(Template).Assembly.GetManifestResourceStream(Prefix + name)
            ?? throw new InvalidOperationException($"the assembly has no template '{name}'");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
