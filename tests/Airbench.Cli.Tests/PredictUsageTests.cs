namespace Airbench.Tests;

/// <summary>Mistakes in the flags of <c>airbench predict</c> that its own parser has to catch.</summary>
public sealed class PredictUsageTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("2")]
    [InlineData("-0.1")]
    [InlineData("NaN")]
    [InlineData("half")]
    public void A_threshold_that_is_no_probability_is_bad_usage(string threshold)
    {
        var (code, _, errors) = _place.Run("predict", "a.png", "--bundle", "none", "--tta", "adaptive", "--adaptive-threshold", threshold);

        Assert.Equal(2, code);
        Assert.Contains("adaptive_threshold: ", errors, StringComparison.Ordinal);
        Assert.Contains(threshold, errors, StringComparison.Ordinal);
        Assert.Contains("expected", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("predict", "a.png", "--bundle", "pipes")]
    [InlineData("verify", "pipes")]
    [InlineData("run", "pipe.yaml")]
    [InlineData("init", "pipe.yaml")]
    [InlineData("predict", "a.png", "--model", "pipe.onnx")]
    public void Nothing_waits_at_a_named_pipe(params string[] arguments)
    {
        Directory.CreateDirectory(_place["pipes"]);
        foreach (var name in new[] { "pipes/metadata.json", "pipe.yaml", "pipe.onnx" })
        {
            NamedPipes.Make(_place[name]);
        }

        var (code, _, errors) = _place.Run(arguments);

        Assert.InRange(code, 1, 2);
        Assert.Contains("is a named pipe; expected", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "found no model; expected --bundle FOLDER, or --model FILE.onnx", "predict", "a.png")]
    [InlineData(1, "none.onnx: does not exist", "predict", "a.png", "--model", "none.onnx")]
    [InlineData(1, "none.onnx: does not exist", "evaluate", "--data", ".", "--model", "none.onnx")]
    [InlineData(2, "shard: '3/2'; expected i/n", "evaluate", "--data", ".", "--model", "a.onnx", "--shard", "3/2")]
    [InlineData(2, "needs a prepared data set: --dataset data/NAME or --data", "evaluate", "--model", "a.onnx")]
    [InlineData(2, "needs an exported model: --bundle exports/NAME or --model", "evaluate", "--data", ".")]
    [InlineData(1, "does not exist", "merge", "nowhere")]
    public void Mistakes_about_models_and_images_are_said_in_one_line(int expected, string message, params string[] arguments)
    {
        var (code, _, errors) = _place.Run(arguments);

        Assert.Equal(expected, code);
        Assert.Contains(message, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }
}
