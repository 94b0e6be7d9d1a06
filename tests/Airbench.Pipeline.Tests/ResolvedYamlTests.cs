using System.Text.Json;
using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

public class ResolvedYamlTests
{
    [Fact]
    public void Every_option_is_spelled_out()
    {
        Assert.Equal(
            $$"""
            # Written by {{Product.Name}} {{Product.Version}}: every option, defaults included.
            name: demo
            seed: 3
            device: cpu
            usd_per_hour: null
            tracking: []
            stages:
              prepare:
                uses: prepare
                needs: []
                with:
                  source: synthetic
                  name: null
                  image_size: 32
              train:
                uses: train
                needs: [prepare]
                with:
                  epochs: 2
                  runs: 1
                  max_images: 1099511627776
                  tta: null
                  decay: 1E-12
                  widths: [64, 256, 256]
                  notes: [plain, "no", "two words", "3", "a\"b\\c\u000Ad"]
                  optimizer:
                    lr: 5
                    nesterov: true
                  second: null
              export:
                uses: export
                needs: [train]
                with:
                  variants: [fp32, fp16]
                  name: null
              evaluate:
                uses: evaluate
                needs: [prepare, export]
                with:
                  tta: mirror_translate
                  gates: { accuracy_min: 0.9 }

            """,
            ResolvedYaml.Write(Given.Parse(
                Given.Yaml, "train.with.decay=1e-12", "train.with.notes=[plain, no, two words, \"3\", \"a\\\"b\\\\c\\nd\"]")));
    }

    [Fact]
    public void A_resolved_pipeline_with_any_values_loads_again_to_the_same()
    {
        var number = Gen.Double.Where(double.IsFinite);
        var text = Gen.OneOf(
            Gen.String[Gen.Char[' ', '~'], 0, 12],
            Gen.String[Gen.Char.Where(c => !char.IsSurrogate(c)), 0, 12],   // a lone half of a pair is no text
            Gen.OneOf(
                "", "null", "~", "true", "no", "1.0", "1e5", " a ", "a: b", "# c", "- d", "*e", "&f", "!g", "%h", "@i",
                "'", "\"", "\\", "\r\n", "\0", "🦊", "\u2028", "\uFEFF"));
        var optimizer = Gen.Select(
            number.Where(n => n > 0), Gen.Bool, (lr, nesterov) => new OptimizerOptions { Lr = lr, Nesterov = nesterov });
        var train = Gen.Select(
            Gen.Select(number, Gen.Int, Gen.Long),
            Gen.Select(Gen.Enum<Tta>().Nullable(), number.Nullable()),
            Gen.Select(Gen.Int.Array[0, 4], text.Array[0, 4]),
            Gen.Select(optimizer, Gen.Bool),
            (a, b, c, d) => new TrainOptions
            {
                Epochs = a.Item1,
                Runs = a.Item2,
                MaxImages = a.Item3,
                Tta = b.Item1,
                Decay = b.Item2,
                Widths = c.Item1,
                Notes = c.Item2,
                Optimizer = d.Item1,
                Second = d.Item2 ? d.Item1 : null,
            });
        var evaluate = Gen.Select(Gen.Enum<Tta>(), Gen.Dictionary(text.Where(t => t.Length > 0), number)[0, 4],
            (tta, gates) => new EvaluateOptions { Tta = tta, Gates = gates });

        var pipeline = Given.Parse(Given.Yaml);
        var header = Gen.Select(Gen.Int[0, int.MaxValue], number.Where(n => n >= 0).Nullable());
        foreach (var (trainOptions, evaluateOptions, (seed, price)) in Gen.Select(train, evaluate, header).Cases(2000))
        {
            var stages = pipeline.Stages.ToArray();
            stages[1] = stages[1] with { Options = trainOptions };
            stages[3] = stages[3] with { Options = evaluateOptions };
            var written = pipeline with { Seed = seed, UsdPerHour = price, Stages = stages };

            Assert.Equal(AsJson(written), AsJson(Given.Parse(ResolvedYaml.Write(written))));
        }
    }

    /// <summary>All values of a pipeline as text, independent of the code under test.</summary>
    private static string AsJson(PipelineDefinition pipeline) => JsonSerializer.Serialize(new
    {
        pipeline.Name,
        pipeline.Seed,
        pipeline.Device,
        pipeline.UsdPerHour,
        Stages = pipeline.Stages.Select(s => new { s.Key, s.Kind.Uses, s.Needs, s.Options }),
    });
}
