using Airbench.Onnx;
using CsCheck;

namespace Airbench.Tests;

/// <summary>Each rule of differentiation against central differences in float64, and in ONNX Runtime.</summary>
public sealed class RuleTests
{
    private const int Cases = 24;
    private const int LastOpset = 22;

    public static TheoryData<string> Operators => new(RuleCases.All.Keys);

    [Fact]
    public void Every_rule_has_its_cases() => Assert.Equal(Rules.Operators.Order(), RuleCases.All.Keys.Order());

    [Theory]
    [MemberData(nameof(Operators))]
    public void The_gradient_is_the_slope(string op)
    {
        var (opset, write) = RuleCases.All[op];
        Gen.Select(Gen.Int[0, 1 << 20], Gen.Int[opset, LastOpset]).ForEachCase(
            (seed, version) =>
            {
                var sketch = new GraphSketch(new Random(seed), version);
                sketch.Check(write(sketch));
            },
            Cases);
    }
}
