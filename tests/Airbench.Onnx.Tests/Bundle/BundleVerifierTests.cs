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
    public void Labels_swapped_everywhere_but_in_the_model_are_found()
    {
        IReadOnlyList<string> swapped = ["class 1", "class 0", "class 2"];
        WriteManifest(_bundle.Manifest with { Classes = swapped });
        foreach (var file in (string[])["labels.txt", "triton/small/labels.txt"])
        {
            File.WriteAllText(_bundle.File(file), string.Concat(swapped.Select(c => c + "\n")));
        }
        Checksums.Write(_bundle.Folder);
        Assert.Contains("model.onnx: carries the classes", Assert.Single(Problems()), StringComparison.Ordinal);
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
        Assert.Contains($"metadata.json: variant fp32 is '{file}', which is not a file name", problems);
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

    private void WriteManifest(BundleManifest manifest) => File.WriteAllText(_bundle.File(OnnxBundle.ManifestName), Json.Write(manifest));

    /// <summary>Changes the model, its copy and every hash of it.</summary>
    private void Forge(Action<ModelProto> change)
    {
        var path = _bundle.File("model.onnx");
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        change(model);
        File.WriteAllBytes(path, model.ToByteArray());
        File.Copy(path, _bundle.File("triton/small/1/model.onnx"), overwrite: true);
        WriteManifest(_bundle.Manifest with
        {
            Variants = new Dictionary<string, VariantFile> { ["fp32"] = new("model.onnx", new FileInfo(path).Length, Hash.OfFile(path)) },
        });
        Checksums.Write(_bundle.Folder);
    }
}
