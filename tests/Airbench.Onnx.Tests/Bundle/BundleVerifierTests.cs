using Airbench.Onnx;
using Airbench.Onnx.Proto;
using CsCheck;
using Google.Protobuf;

namespace Airbench.Tests;

/// <summary><c>airbench verify</c> against every way in which a bundle can change.</summary>
public sealed class BundleVerifierTests : IDisposable
{
    private readonly Bundles _bundles = new();
    private readonly OnnxBundle _bundle;

    public BundleVerifierTests() => _bundle = _bundles.Export();

    public void Dispose() => _bundles.Dispose();

    [Fact]
    public void A_fresh_bundle_has_no_differences_and_its_test_data_agree()
    {
        var result = BundleVerifier.Verify(_bundle.Folder, TestDataRunner.Run);
        Assert.Empty(result.Problems);
        Assert.Contains(result.Notes, note => note.Contains($"same class on {Bundles.ReferenceCount} of {Bundles.ReferenceCount}", StringComparison.Ordinal));
    }

    [Fact]
    public void One_flipped_bit_is_found_wherever_it_is()
    {
        var files = Checksums.Files(_bundle.Folder);
        // Every file at least once, then anywhere: the first case of each file number.
        Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Int[0, 7]).Cases(4 * files.Count).Index().ToList().ForEach(c =>
        {
            var (place, bit) = c.Item;
            var name = files[c.Index % files.Count];
            var path = _bundle.File(name);
            var whole = File.ReadAllBytes(path);
            var changed = whole.ToArray();
            changed[place % whole.Length] ^= (byte)(1 << bit);
            File.WriteAllBytes(path, changed);
            var problems = Problems();
            Assert.True(problems.Count > 0, $"bit {bit} of byte {place % whole.Length} of {name}");
            Assert.True(
                name == Checksums.FileName || problems.Any(p => p.StartsWith($"{name}:", StringComparison.Ordinal)), string.Join("\n", problems));
            File.WriteAllBytes(path, whole);
        });
        Assert.Empty(Problems());
    }

    [Fact]
    public void A_missing_and_an_extra_file_are_named()
    {
        File.Delete(_bundle.File("kserve.yaml"));
        File.WriteAllText(_bundle.File("web/more.js"), "");
        File.WriteAllText(_bundle.File(".hidden"), "");
        Assert.Equal(
            [".hidden: extra; SHA256SUMS does not list it", "kserve.yaml: missing; SHA256SUMS lists it", "web/more.js: extra; SHA256SUMS does not list it"],
            Problems().Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("labels.txt")]
    [InlineData("triton/small/labels.txt")]
    public void Swapped_labels_are_found_although_the_sums_were_rewritten(string file)
    {
        File.WriteAllText(_bundle.File(file), "class 0\nclass 2\nclass 1\n");
        Checksums.Write(_bundle.Folder);
        Assert.Equal([$"{file}: line 2 is 'class 2'; metadata.json names class 1 'class 1'"], Problems());
    }

    [Fact]
    public void Labels_with_line_ends_of_windows_are_shown_with_them()
    {
        File.WriteAllText(_bundle.File("labels.txt"), "class 0\r\nclass 1\r\nclass 2\r\n");
        Checksums.Write(_bundle.Folder);
        Assert.Equal([@"labels.txt: line 1 is 'class 0\r'; metadata.json names class 0 'class 0'"], Problems());
    }

    /// <summary>Sums are rewritten each time: whoever can do one can do the other.</summary>
    [Fact]
    public void A_file_that_is_removed_emptied_or_changed_is_named_whichever_it_is()
    {
        var run = Remembered();
        foreach (var name in Checksums.Files(_bundle.Folder).Where(name => name != Checksums.FileName))
        {
            var whole = File.ReadAllBytes(_bundle.File(name));
            var text = System.Text.Encoding.UTF8.GetString(whole);
            File.Delete(_bundle.File(name));
            RequireNamed("removed");
            File.WriteAllBytes(_bundle.File(name), []);
            RequireNamed("emptied");
            File.WriteAllBytes(_bundle.File(name), [.. whole[..^2], (byte)'~', whole[^1]]);
            RequireNamed("changed at its end");
            File.WriteAllBytes(_bundle.File(name), [(byte)'~', .. whole[1..]]);
            RequireNamed("changed at its beginning");
            File.WriteAllBytes(_bundle.File(name), whole);

            void RequireNamed(string what)
            {
                Checksums.Write(_bundle.Folder);
                var problems = BundleVerifier.Verify(_bundle.Folder, run).Problems;
                var isNamed = problems.Any(p => p.Contains(name.StartsWith(TestDataSet.Folder, StringComparison.Ordinal) ? TestDataSet.Folder : $"{name}:", StringComparison.Ordinal));
                Assert.True(isNamed, $"{name} {what}: {string.Join('\n', problems)}");   // of the test data the side that differs is not known
            }
        }
        Checksums.Write(_bundle.Folder);
        Assert.Empty(BundleVerifier.Verify(_bundle.Folder, run).Problems);
    }

    [Fact]
    public void A_file_that_no_export_writes_is_named_although_the_sums_list_it()
    {
        File.WriteAllText(_bundle.File("web/more.js"), "alert()");
        Checksums.Write(_bundle.Folder);
        Assert.Equal(["web/more.js: extra; an export writes no such file"], Problems());
    }

    [Fact]
    public void A_change_is_shown_where_it_is()
    {
        File.WriteAllText(_bundle.File("kserve.yaml"), File.ReadAllText(_bundle.File("kserve.yaml")).Replace("name: small", "name: other", StringComparison.Ordinal));
        Checksums.Write(_bundle.Folder);
        Assert.Equal(
            ["kserve.yaml: line 5 has '  name: other'; the export wrote '  name: small'"], Problems());
    }

    /// <summary>What an earlier version wrote cannot be written again: its names and labels are compared, and that is said.</summary>
    [Fact]
    public void Of_another_version_the_names_and_the_labels_are_compared()
    {
        WriteManifest(_bundle.Manifest with { ProductVersion = "0.0.1" });
        File.WriteAllText(_bundle.File("samples/python/classify.py"), "# as it was then\n");
        Checksums.Write(_bundle.Folder);
        var result = BundleVerifier.Verify(_bundle.Folder, Remembered());
        Assert.Empty(result.Problems);
        Assert.Contains(result.Notes, note => note.StartsWith("exported by 0.0.1, this is ", StringComparison.Ordinal));
        File.Delete(_bundle.File("request.json"));
        File.WriteAllText(_bundle.File("kserve.yaml"), "");
        File.WriteAllText(_bundle.File("labels.txt"), "class 0\n");
        Checksums.Write(_bundle.Folder);
        Assert.Equal(
            [
                "kserve.yaml: empty; an export writes no empty file", "labels.txt: line 2 is ''; metadata.json names class 1 'class 1'",
                "request.json: missing; an export writes it",
            ],
            BundleVerifier.Verify(_bundle.Folder, Remembered()).Problems.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Training_files_are_held_to_the_manifest()
    {
        var bundle = Exporter.Export(
            _bundles.Model, new ExportOptions { Training = ["head"] }, _bundles.File("exports/taught"), file => ParityGate.Check(file, _bundles.ReferenceFile),
            IProgress.Silent, CancellationToken.None);
        var run = Remembered();
        Assert.Empty(BundleVerifier.Verify(bundle.Folder, run).Problems);
        foreach (var name in Checksums.Files(bundle.Folder).Where(name => name.StartsWith("training/", StringComparison.Ordinal)))
        {
            var whole = File.ReadAllText(bundle.File(name), System.Text.Encoding.Latin1);
            File.WriteAllText(bundle.File(name), whole.Replace("class 0", "class 9", StringComparison.Ordinal)[..^1], System.Text.Encoding.Latin1);
            Checksums.Write(bundle.Folder);
            Assert.StartsWith($"{name}: ", Assert.Single(BundleVerifier.Verify(bundle.Folder, run).Problems), StringComparison.Ordinal);
            File.WriteAllText(bundle.File(name), whole, System.Text.Encoding.Latin1);
        }
    }

    [Fact]
    public void A_damaged_manifest_is_a_sentence_and_no_crash()
    {
        var manifest = File.ReadAllText(_bundle.File(OnnxBundle.ManifestName));
        var (run, found) = (Remembered(), 0);
        JsonFuzz.Refused(manifest, cases: 60, damaged =>
        {
            File.WriteAllBytes(_bundle.File(OnnxBundle.ManifestName), damaged);
            Checksums.Write(_bundle.Folder);
            found += BundleVerifier.Verify(_bundle.Folder, run).Problems.Count > 0 ? 1 : 0;
        });
        Assert.InRange(found, 40, int.MaxValue);   // some changes are none: a fact that only the manifest has
    }

    [Fact]
    public void Labels_swapped_everywhere_but_in_the_model_are_found()
    {
        IReadOnlyList<string> swapped = ["class 1", "class 0", "class 2"];
        WriteManifest(_bundle.Manifest with { Classes = swapped });
        foreach (var file in (string[])["labels.txt", "triton/small/labels.txt"])
        {
            File.WriteAllText(_bundle.File(file), string.Concat(swapped.Select(c => c + "\n")));
        }
        Checksums.Write(_bundle.Folder);
        Assert.Collection(
            Problems(), p => Assert.StartsWith("model.onnx: carries the classes", p, StringComparison.Ordinal),
            p => Assert.StartsWith("README.md: line 3 has ", p, StringComparison.Ordinal));
    }

    /// <summary>Who has the model file alone reads these; who has the bundle reads metadata.json.</summary>
    [Theory]
    [InlineData("fit", "pad", "carries the fit 'pad'; metadata.json says 'crop'")]
    [InlineData("image_size", "32", "carries the image_size '32'; metadata.json says '16'")]
    [InlineData("layout", "nhwc", "carries the layout 'nhwc'; metadata.json says 'nchw'")]
    [InlineData("recipe", "airbench96", "carries the recipe 'airbench96'; metadata.json says 'airbench94'")]
    [InlineData("synthetic", "false", "carries the synthetic 'false'; metadata.json says 'true'")]
    [InlineData("accuracy_n", "9999", "carries the accuracy_n '9999'; metadata.json says '2000'")]
    public void A_model_that_says_something_else_of_itself_than_the_manifest_is_named_with_both(string key, string value, string difference)
    {
        Forge(model => model.MetadataProps.Single(property => property.Key == key).Value = value);
        Assert.Equal([$"model.onnx: {difference}"], Problems().Where(problem => problem.StartsWith("model.onnx:", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_manifest_of_another_fit_is_found_with_and_without_that_of_the_model()
    {
        Forge(_ => { }, manifest => manifest with { Fit = Fit.Pad });
        Assert.Contains("model.onnx: carries the fit 'crop'; metadata.json says 'pad'", Problems());
        Forge(model => model.MetadataProps.Remove(model.MetadataProps.Single(property => property.Key == "fit")), manifest => manifest with { Fit = Fit.Stretch });
        Assert.Contains("model.onnx: does not carry the fit; metadata.json says 'stretch'", Problems());
    }

    [Fact]
    public void A_model_with_other_answers_is_found_although_all_hashes_were_rewritten()
    {
        Forge(model =>
        {
            var weights = model.Graph.Initializer.Where(t => t.Name.Contains("weight", StringComparison.Ordinal)).MaxBy(t => t.RawData.Length)!;
            var bytes = weights.RawData.ToByteArray();
            for (var i = 3; i < bytes.Length; i += 4)
            {
                bytes[i] ^= 0x80;   // signs
            }
            weights.RawData = ByteString.CopyFrom(bytes);
        });
        Assert.Contains(Problems(), p => p.StartsWith("model.onnx: logits differs from test_data_set_0/output_0.pb", StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_of_another_signature_opset_or_batch_is_found_although_all_hashes_were_rewritten()
    {
        Forge(model =>
        {
            model.OpsetImport[0].Version = 18;
            model.Graph.Input[0].Type.TensorType.Shape.Dim[0].DimValue = 1;
        });
        var problems = Problems();
        Assert.Contains(problems, p => p.StartsWith("model.onnx: is of opset 18; metadata.json says 17", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("the first dimension is not open", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("has the signature", StringComparison.Ordinal));
    }

    [Fact]
    public void A_copy_for_triton_that_is_another_model_is_found()
    {
        var copy = _bundle.File("triton/small/1/model.onnx");
        File.WriteAllBytes(copy, [.. File.ReadAllBytes(copy), 0]);
        Checksums.Write(_bundle.Folder);
        Assert.StartsWith("triton/small/1/model.onnx: has sha256", Assert.Single(Problems()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../../model.onnx")]
    [InlineData("/etc/passwd")]
    public void A_manifest_that_points_outside_of_the_bundle_is_refused(string file)
    {
        WriteManifest(_bundle.Manifest with { Variants = new Dictionary<string, VariantFile> { ["fp32"] = new(file, 1, "") } });
        var problems = Problems();
        Assert.Contains($"metadata.json: is not a valid BundleManifest: variants.fp32.file: '{file}'; expected the name of a file in the bundle", problems);
        Assert.DoesNotContain(problems, p => p.StartsWith(file, StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_that_is_no_bundle_is_said_to_be_none()
    {
        Assert.Throws<DataException>(() => BundleVerifier.Verify(_bundle.File("none"), TestDataRunner.Run));
        Directory.CreateDirectory(_bundle.File("empty"));
        var problems = BundleVerifier.Verify(_bundle.File("empty"), TestDataRunner.Run).Problems;
        Assert.Equal(["SHA256SUMS: missing; without it the files cannot be checked", "metadata.json: does not exist"], problems);
    }

    [Fact]
    public void Test_data_that_are_damaged_are_a_sentence_and_no_crash() =>
        Gen.Byte.Array[0, 60].ForEachCase(
            bytes =>
            {
                File.WriteAllBytes(_bundle.File(TestDataSet.Output(1)), bytes);
                Assert.Contains(Problems(), p => p.StartsWith("test_data_set_0", StringComparison.Ordinal));
            },
            cases: 40);

    private IReadOnlyList<string> Problems() => BundleVerifier.Verify(_bundle.Folder, TestDataRunner.Run).Problems;

    /// <summary>Answers of each model file once: most checks here do not touch it.</summary>
    private static ModelRunner Remembered()
    {
        var known = new Dictionary<string, IReadOnlyList<float[]>>();
        return (file, input, values, shape, outputs) =>
        {
            var key = $"{Hash.OfFile(file)} {input} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(values))} {string.Join(',', shape)} {string.Join(',', outputs)}";
            return known.TryGetValue(key, out var answers) ? answers : known[key] = TestDataRunner.Run(file, input, values, shape, outputs);
        };
    }

    private void WriteManifest(BundleManifest manifest) => File.WriteAllText(_bundle.File(OnnxBundle.ManifestName), Json.Write(manifest));

    /// <summary>Changes the model, its copy and every hash of it.</summary>
    private void Forge(Action<ModelProto> change, Func<BundleManifest, BundleManifest>? rewrite = null)
    {
        var path = _bundle.File("model.onnx");
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        change(model);
        File.WriteAllBytes(path, model.ToByteArray());
        File.Copy(path, _bundle.File("triton/small/1/model.onnx"), overwrite: true);
        var manifest = _bundle.Manifest with
        {
            Variants = new Dictionary<string, VariantFile> { ["fp32"] = new("model.onnx", new FileInfo(path).Length, Hash.OfFile(path)) },
        };
        WriteManifest(rewrite is null ? manifest : rewrite(manifest));
        Checksums.Write(_bundle.Folder);
    }
}
