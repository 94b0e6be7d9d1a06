using System.Text;

namespace Airbench.Tests;

/// <summary>Prepared sets of noisy squares of one colour: easily told apart, by any network.</summary>
internal static class ColourSet
{
    /// <summary>Classes that have a colour; all others are dark.</summary>
    public static string[] Colours { get; } = ["red", "green", "blue", "grey"];

    /// <summary>Writes a set; a fifth of each class, at least one image, is the test split.</summary>
    public static Dataset Write(string folder, string name, string[] classes, int perClass, int size) => Write(folder, name, classes, [.. classes.Select(_ => perClass)], size);

    /// <summary>The same with as many images of each class as <paramref name="counts"/> says.</summary>
    public static Dataset Write(string folder, string name, string[] classes, int[] counts, int size, int noise = 40)
    {
        Directory.CreateDirectory(folder);
        var random = new Random(5);
        int[] test = [.. counts.Select(count => Math.Max(1, count / 5))], train = [.. counts.Zip(test, (all, few) => all - few)];
        foreach (var (split, some) in ((string, int[])[])[("train", train), ("test", test)])
        {
            File.Delete(Path.Combine(folder, $"{split}.safetensors"));
            using var writer = new TensorFileWriter(Path.Combine(folder, $"{split}.safetensors"));
            writer.Begin("images", TensorType.U8, 3, size, size);
            foreach (var (k, colour) in classes.Index())
            {
                for (var i = 0; i < some[k]; i++)
                {
                    var image = new byte[3 * size * size];
                    for (var p = 0; p < image.Length; p++)
                    {
                        var lit = colour == "grey" ? 110 : Array.IndexOf(Colours, colour) == p / (size * size) ? 170 : 60;
                        image[p] = (byte)Math.Clamp(lit + random.Next(-noise, noise + 1), 0, 255);
                    }
                    writer.Append<byte>(image);
                }
            }
            writer.Begin("labels", TensorType.I64);
            writer.Append<long>([.. classes.SelectMany((_, k) => Enumerable.Repeat((long)k, some[k]))]);
            writer.Begin("paths", TensorType.U8);
            writer.Append<byte>(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, some.Sum()).Select(i => $"{split}/{i}.png\n"))));
            writer.Finish();
        }
        var manifest = new DatasetManifest
        {
            Name = name,
            Source = "folder",
            Classes = classes,
            ImageSize = size,
            Mean = [0.5, 0.5, 0.5],
            Std = [0.2, 0.2, 0.2],
            TrainCount = train.Sum(),
            TestCount = test.Sum(),
            DuplicatesAcrossSplits = 0,
            TrainSha256 = Hash.OfFile(Path.Combine(folder, "train.safetensors")),
            TestSha256 = Hash.OfFile(Path.Combine(folder, "test.safetensors")),
            ProductVersion = Product.Version,
        };
        File.WriteAllText(Path.Combine(folder, Dataset.ManifestName), Json.Write(manifest));
        return Dataset.Open(folder);
    }
}
