using System.Text.Json;

namespace Airbench.Onnx;

/// <summary><c>sbom.cdx.json</c>: the packages that made the bundle, in CycloneDX 1.5.</summary>
internal static class Sbom
{
    /// <summary>Writes the document.</summary>
    /// <param name="manifest">Of the bundle.</param>
    /// <param name="trainedWith">Packages of the training, by name.</param>
    public static string Write(BundleManifest manifest, IReadOnlyDictionary<string, string> trainedWith)
    {
        var components = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var (name, version, sha512) in Packages())
        {
            components[$"pkg:nuget/{name}@{version}"] = Component(name, version, "export", sha512);
        }
        foreach (var (name, version) in trainedWith.Where(package => package.Key != Product.Name))
        {
            components.TryAdd($"pkg:generic/{name}@{version}", Component(name, version, "training", sha512: null, kind: "generic"));
        }
        if (manifest.Backbone is { } backbone)
        {
            components[$"model:{backbone.Name}"] = Model(backbone);
        }
        var model = manifest.Variants[ExportOptions.Fp32];
        var document = new Dictionary<string, object>
        {
            ["$schema"] = "http://cyclonedx.org/schema/bom-1.5.schema.json",
            ["bomFormat"] = "CycloneDX",
            ["specVersion"] = "1.5",
            ["version"] = 1,
            ["metadata"] = new
            {
                tools = new { components = new[] { new { type = "application", name = Product.Name, version = Product.Version } } },
                component = new Dictionary<string, object>
                {
                    ["type"] = "machine-learning-model",
                    ["bom-ref"] = "model",
                    ["name"] = manifest.Name,
                    ["version"] = manifest.WeightsSha256[..12],
                    ["hashes"] = new[] { new { alg = "SHA-256", content = model.Sha256 } },
                },
            },
            ["components"] = components.Values,
        };
        return Json.Write(document);
    }

    /// <summary>The network that the model started from, with its licence.</summary>
    private static Dictionary<string, object> Model(Backbone backbone)
    {
        var component = new Dictionary<string, object>
        {
            ["type"] = "machine-learning-model",
            ["bom-ref"] = $"backbone:{backbone.Name}",
            ["name"] = backbone.Name,
            ["description"] = backbone.Origin,
            ["hashes"] = new[] { new { alg = "SHA-256", content = backbone.SourceSha256 } },
        };
        if (backbone.License is { } license)
        {
            component["licenses"] = new[] { new { license = new { id = license } } };
        }
        return component;
    }

    /// <summary>NuGet packages of the running program, as its .deps.json lists them; none for a program without that file.</summary>
    private static IEnumerable<(string Name, string Version, string? Sha512)> Packages()
    {
        var files = (AppContext.GetData("APP_CONTEXT_DEPS_FILES") as string ?? "").Split(';', Path.PathSeparator);
        foreach (var file in files.Where(file => file.EndsWith(".deps.json", StringComparison.Ordinal) && File.Exists(file)))
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            foreach (var library in document.RootElement.GetProperty("libraries").EnumerateObject())
            {
                if (library.Value.GetProperty("type").GetString() == "package" && library.Name.Split('/') is [var name, var version])
                {
                    var hash = library.Value.TryGetProperty("sha512", out var value) ? value.GetString() : null;
                    yield return (name, version, hash is ['s', 'h', 'a', '5', '1', '2', '-', .. var base64]
                        ? Convert.ToHexStringLower(Convert.FromBase64String(base64))
                        : null);
                }
            }
        }
    }

    private static Dictionary<string, object> Component(string name, string version, string usedFor, string? sha512, string kind = "nuget")
    {
        var purl = $"pkg:{kind}/{Uri.EscapeDataString(name)}@{Uri.EscapeDataString(version)}";
        var component = new Dictionary<string, object>
        {
            ["type"] = "library",
            ["bom-ref"] = purl,
            ["name"] = name,
            ["version"] = version,
            ["purl"] = purl,
            ["properties"] = new[] { new { name = "airbench:used_for", value = usedFor } },
        };
        if (sha512 is not null)
        {
            component["hashes"] = new[] { new { alg = "SHA-512", content = sha512 } };
        }
        return component;
    }
}
