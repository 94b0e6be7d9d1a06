namespace Airbench.Recipes;

internal static class Airbench96Faster
{
    public static Recipe Recipe { get; } = Airbench96.Recipe with
    {
        Name = "airbench96_faster",
        Description = "96.00% (n = 200) in 27.3 A100-seconds, compiled: a small proxy network selects the examples",
        Epochs = 45,
        Proxy = new Proxy(Widths: [32, 64, 64], Depth: 2, Keep: 0.5, BackwardEvery: 4),
    };
}
