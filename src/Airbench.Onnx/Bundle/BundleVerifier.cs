using System.Globalization;
using System.Text;
using System.Text.Json;
using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Runs a model file: values of this input in, little-endian, the outputs of these names out, each flat.</summary>
/// <exception cref="InvalidFileException">The file is not a model that runs, or lacks a name.</exception>
public delegate IReadOnlyList<float[]> ModelRunner(
    string modelFile, TensorSignature input, byte[] values, IReadOnlyList<long> shape, IReadOnlyList<string> outputs);

/// <summary>What <c>verify</c> found.</summary>
/// <param name="Problems">What differs, a sentence each, file first; empty for a bundle that is as it was exported.</param>
/// <param name="Notes">What was checked, a line each.</param>
public sealed record VerifyResult(IReadOnlyList<string> Problems, IReadOnlyList<string> Notes);

/// <summary>
/// Re-checks a bundle offline: hashes of every file, nothing missing or extra, the models as ONNX, the content of every file around them, and
/// the test data through a runtime. Whoever rewrites the sums too still has to keep model, labels, metadata and test data in agreement.
/// </summary>
public static class BundleVerifier
{
    /// <summary>Largest difference from the trained network's own outputs that full precision may show.</summary>
    public const double MaxDifference = 1e-3;

    /// <summary>Smallest share of the test images on which another variant has to choose the same class.</summary>
    public const double MinAgreement = 0.9;

    private const double MaxRowSumError = 1e-3;

    /// <summary>Whether <paramref name="folder"/> has the sums that an export writes.</summary>
    public static bool HasSums(string folder) => File.Exists(Path.Combine(folder, Checksums.FileName));

    /// <summary>Checks the bundle in <paramref name="folder"/>; all problems at once.</summary>
    /// <param name="folder">exports/&lt;name&gt;.</param>
    /// <param name="run">Runs a model file.</param>
    /// <exception cref="DataException">There is no such folder.</exception>
    public static VerifyResult Verify(string folder, ModelRunner run)
    {
        if (!Directory.Exists(folder))
        {
            throw new DataException($"{folder}: no such folder; expected a bundle, for example exports/airbench94");
        }
        var (problems, notes) = (new List<string>(), new List<string>());
        Check("files", () => problems.AddRange(Checksums.Differences(folder)));
        var files = Checksums.Files(folder);
        notes.Add($"{files.Count(f => !Checksums.IsForeign(f))} files against {Checksums.FileName}");
        if (files.Count(Checksums.IsForeign) is > 0 and var foreign)
        {
            notes.Add($"{foreign} files of packages installed beside the samples and the page: not part of the bundle, not checked");
        }

        BundleManifest? manifest = null;
        Check("manifest", () => manifest = OnnxBundle.Open(folder).Manifest);
        if (manifest is null)
        {
            return new VerifyResult(problems, notes);
        }
        if (manifest.Signature is null)
        {
            problems.Add($"{OnnxBundle.ManifestName}: has no signature: export again");
            return new VerifyResult(problems, notes);
        }
        var content = new BundleContent(folder, manifest, files);
        Check("files", () => Add(content.Names()));
        Check("labels", () => problems.AddRange(content.Labels()));
        Check("training", () => Add(content.Training()));
        foreach (var (name, variant) in manifest.Variants)
        {
            var before = problems.Count;
            Check(name, () => problems.AddRange(Model(folder, manifest, name, variant)));
            if (problems.Count == before)   // a file that is known to be another one is not run
            {
                Check(name, () => problems.AddRange(Answers(folder, manifest, name, variant, run, notes)));
            }
        }
        if (!manifest.Variants.ContainsKey(ExportOptions.Fp32))
        {
            problems.Add($"{OnnxBundle.ManifestName}: has no variant {ExportOptions.Fp32}, which test data and triton/ belong to");
        }
        Check("triton", () => problems.AddRange(Triton(folder, manifest)));
        Check("content", () => Add(content.Derived(TestImages(folder, manifest))));
        notes.Add(content.IsOfThisVersion
            ? "every file around the models compared with what an export writes; of confusion.svg only the form, of sbom.cdx.json only the model it is of"
            : $"exported by {manifest.ProductVersion}, this is {Product.Version}: of card, samples, page and servers' files only the names and the labels were compared");
        return new VerifyResult([.. problems.Distinct()], notes);

        // What is known to differ needs no second sentence.
        void Add(IEnumerable<string> more) => problems.AddRange(more.ExceptBy(problems.Select(File), File).ToList());
        static string File(string problem) => problem.Split(':')[0];

        // One part that cannot be read must not hide what is wrong with the others.
        void Check(string part, Action check)
        {
            try
            {
                check();
            }
            catch (InvalidFileException e)
            {
                problems.Add($"{Path.GetRelativePath(folder, e.Path)}: {e.Problem}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                problems.Add($"{part}: {e.Message}");
            }
        }
    }

    /// <summary>What the file says, without running it.</summary>
    private static IEnumerable<string> Model(string folder, BundleManifest manifest, string name, VariantFile variant)
    {
        var path = Path.Combine(folder, variant.File);
        var model = ProtoFile.Read(path, ModelProto.Parser);
        var (length, hash) = (new FileInfo(path).Length, Hash.OfFile(path));
        if ((length, hash) != (variant.Bytes, variant.Sha256))
        {
            yield return $"{variant.File}: {length} bytes with sha256 {hash}; {OnnxBundle.ManifestName} says {variant.Bytes} bytes with {variant.Sha256}";
        }
        if (model.Graph is null || model.Graph.Node.Count == 0)
        {
            yield return $"{variant.File}: has no graph";
            yield break;
        }
        var opset = model.OpsetImport.FirstOrDefault(o => o.Domain.Length == 0)?.Version;
        if (opset != manifest.Opset)
        {
            var found = opset?.ToString(CultureInfo.InvariantCulture) ?? "unknown";
            yield return $"{variant.File}: is of opset {found}; {OnnxBundle.ManifestName} says {manifest.Opset}";
        }
        foreach (var problem in Graph(model.Graph))
        {
            yield return $"{variant.File}: {problem}";
        }
        var signature = ProtoFile.Signature(model);
        foreach (var end in signature.Inputs.Concat(signature.Outputs).Where(end => end.Shape.Count == 0 || end.Shape[0] != -1))
        {
            yield return $"{variant.File}: {end}: the first dimension is not open";
        }
        if (name == ExportOptions.Fp32 && manifest.Signature is { } expected &&
            !(signature.Inputs.SequenceEqual(expected.Inputs) && signature.Outputs.SequenceEqual(expected.Outputs)))
        {
            yield return $"{variant.File}: has the signature {Text(signature)}; {OnnxBundle.ManifestName} says {Text(expected)}";
        }
        foreach (var difference in ModelMetadata.Of(manifest).Differences(ProtoFile.Properties(model), OnnxBundle.ManifestName))
        {
            yield return $"{variant.File}: {difference}";
        }

        static string Text(ModelSignature s) => $"{string.Join(", ", s.Inputs)} -> {string.Join(", ", s.Outputs)}";
    }

    /// <summary>Single assignment, in order, nothing unknown, and every constant with as many bytes as its shape.</summary>
    private static IEnumerable<string> Graph(GraphProto graph)
    {
        var known = graph.Input.Select(i => i.Name).Concat(graph.Initializer.Select(i => i.Name)).ToHashSet(StringComparer.Ordinal);
        foreach (var node in graph.Node)
        {
            foreach (var input in node.Input.Where(input => input.Length > 0 && !known.Contains(input)))
            {
                yield return $"node '{node.Name}' ({node.OpType}) uses '{input}' before it exists";
            }
            foreach (var output in node.Output.Where(output => output.Length > 0 && !known.Add(output)))
            {
                yield return $"node '{node.Name}' ({node.OpType}) defines '{output}' again";
            }
        }
        foreach (var output in graph.Output.Where(output => !known.Contains(output.Name)))
        {
            yield return $"no node gives the output '{output.Name}'";
        }
    }

    /// <summary>The test data through the runtime.</summary>
    private static IEnumerable<string> Answers(
        string folder, BundleManifest manifest, string name, VariantFile variant, ModelRunner run, List<string> notes)
    {
        var input = TestDataSet.Read(Path.Combine(folder, TestDataSet.Input(0)));
        var signature = manifest.Signature!;
        var count = input.Dims.Count > 0 ? (int)input.Dims[0] : 0;
        var expected = signature.Outputs.Select((_, i) => TestDataSet.Read(Path.Combine(folder, TestDataSet.Output(i)))).ToList();
        var type = manifest.Input == InputFormat.FloatNchw ? TensorProto.Types.DataType.Float : TensorProto.Types.DataType.Uint8;
        if (count == 0 || input.DataType != (int)type ||
            !input.Dims.SequenceEqual(InputFormats.Shape(manifest.Input, count, manifest.ImageSize, manifest.ImageSize)) ||
            expected.Any(e => e.DataType != (int)TensorProto.Types.DataType.Float || e.Dims.Count != 2 || e.Dims[0] != count || e.Dims[1] < 1))
        {
            yield return $"{TestDataSet.Folder}: is not {count} images of {manifest.ImageSize} pixels in {type.ToString().ToLowerInvariant()} and as many rows of float for each output";
            yield break;
        }
        var own = ProtoFile.Signature(ProtoFile.Read(Path.Combine(folder, variant.File), ModelProto.Parser));
        if (!own.Inputs.SequenceEqual(signature.Inputs))
        {
            notes.Add($"{variant.File}: takes {string.Join(", ", own.Inputs)}, which the test data does not provide: its answers were not compared");
            yield break;
        }
        var names = signature.Outputs.Select(o => o.Name).ToList();
        var found = run(Path.Combine(folder, variant.File), signature.Inputs[0], input.RawData.ToByteArray(), [.. input.Dims], names);
        var votes = variant.Tta == Tta.None ? ([], new HashSet<int>()) : ExpectedVotes.Compute(folder, manifest, variant, input, run);
        var isExact = (variant.VotesOf ?? name) == ExportOptions.Fp32;
        var reference = variant.Tta == Tta.None ? "the test data" : $"the same views through {variant.VotesOf}";
        foreach (var (i, output) in names.Index())
        {
            var (ours, theirs, classes) = (found[i], TestDataSet.Floats(expected[i]), (int)expected[i].Dims[1]);
            if (variant.Tta != Tta.None)
            {
                theirs = output == "logits" ? votes.Logits : [.. votes.Logits.Chunk(classes).SelectMany(row => Softmax.Probabilities(row).Select(p => (float)p))];
                foreach (var row in votes.Undecided.Where(row => (row + 1) * classes <= ours.Length))
                {
                    ours.AsSpan(row * classes, classes).CopyTo(theirs.AsSpan(row * classes));
                }
            }
            if (ours.Length != theirs.Length)
            {
                yield return $"{variant.File}: {output} has {ours.Length} values for the test data; {TestDataSet.Output(i)} has {theirs.Length}";
                continue;
            }
            var difference = ours.Zip(theirs, Difference).Max();
            var same = Enumerable.Range(0, count).Count(row => Best(ours, row, classes) == Best(theirs, row, classes));
            notes.Add(FormattableString.Invariant($"{variant.File}: {output} within {difference:0.0e+0} of {reference}, ") +
                FormattableString.Invariant($"same class on {same} of {count} images"));
            if (isExact ? !(difference <= MaxDifference) : !(double.IsFinite(difference) && same >= MinAgreement * count))
            {
                yield return FormattableString.Invariant($"{variant.File}: {output} differs from {(variant.Tta == Tta.None ? TestDataSet.Output(i) : reference)} by up to {difference:g3}, ") +
                    FormattableString.Invariant($"same class on {same} of {count} images; allowed: ") +
                    (isExact ? FormattableString.Invariant($"{MaxDifference}") : FormattableString.Invariant($"{MinAgreement:0%} the same"));
            }
        }
        if (names.IndexOf("probabilities") is >= 0 and var p)
        {
            var values = TestDataSet.Floats(expected[p]);
            var worst = values.Chunk((int)expected[p].Dims[1]).Max(row => Math.Abs(row.Sum(v => (double)v) - 1));
            if (!(worst <= MaxRowSumError))
            {
                yield return FormattableString.Invariant($"{TestDataSet.Output(p)}: probabilities of an image sum to 1 only within {worst:g3}");
            }
        }

        static double Difference(float a, float b) => float.IsFinite(a) && float.IsFinite(b) ? Math.Abs((double)a - b) : double.PositiveInfinity;

        static int Best(float[] values, int row, int classes)
        {
            var best = 0;
            for (var k = 1; k < classes; k++)
            {
                best = values[(row * classes) + k] > values[(row * classes) + best] ? k : best;
            }
            return best;
        }
    }

    private static IEnumerable<string> Triton(string folder, BundleManifest manifest)
    {
        var copy = BundleFiles.TritonModel(manifest);
        var path = Path.Combine(folder, copy);
        if (File.Exists(path) && manifest.Variants.TryGetValue(ExportOptions.Fp32, out var variant) && Hash.OfFile(path) is var hash && hash != variant.Sha256)
        {
            yield return $"{copy}: has sha256 {hash}; it should be {variant.File} with {variant.Sha256}";
        }
    }

    /// <summary>The test images, uint8 [n,3,S,S]; null where they are no such images, which the check of the models says.</summary>
    private static byte[]? TestImages(string folder, BundleManifest manifest)
    {
        try
        {
            var input = TestDataSet.Read(Path.Combine(folder, TestDataSet.Input(0)));
            var fits = input.Dims.Count > 0 && input.Dims[0] > 0
                && input.Dims.SequenceEqual(InputFormats.Shape(manifest.Input, input.Dims[0], manifest.ImageSize, manifest.ImageSize))
                && input.DataType == (int)(manifest.Input == InputFormat.FloatNchw ? TensorProto.Types.DataType.Float : TensorProto.Types.DataType.Uint8);
            return fits ? InputFormats.Decode(manifest.Input, input.RawData.Span, manifest.ImageSize * manifest.ImageSize) : null;
        }
        catch (InvalidFileException)
        {
            return null;
        }
    }
}
