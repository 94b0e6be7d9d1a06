using System.ComponentModel.DataAnnotations;
using Airbench.Pipeline;

namespace Airbench.Tests;

public class OptionTests
{
    [Fact]
    public void The_fields_of_an_options_record_tell_what_flags_need()
    {
        Assert.Equal(
            """
            epochs: a number = 9.9 "Passes over the training set."
            runs: a whole number = 1 ""
            max_images: a whole number = 1099511627776 ""
            tta: one of none, mirror, mirror_translate, adaptive, or null = null ""
            decay: a number, or null = null ""
            widths: a list, each a whole number = [64, 256, 256] ""
            notes: a list, each a text = [] ""
            optimizer: a mapping with the keys lr, nesterov = { lr: 3, nesterov: true } "The optimizer."
            second: a mapping with the keys lr, nesterov, or null = null ""
            """,
            string.Join('\n', OptionFields.Of(typeof(TrainOptions))
                .Select(f => $"{f.Key}: {f.Type.Expected} = {f.DefaultText} \"{f.Description}\"")));
    }

    [Fact]
    public void Texts_bind_to_the_options_record()
    {
        var options = (TrainOptions)OptionText.Bind(new FakeKinds().All[1], new Dictionary<string, string>
        {
            ["epochs"] = "2.5",
            ["tta"] = "mirror",
            ["decay"] = "null",
            ["widths"] = "1, 2,3",
            ["notes"] = "*.tar,no,\"quoted\"",
            ["optimizer"] = "{ nesterov: false }",
        });

        Assert.Equal((2.5, Tta.Mirror, null), (options.Epochs, options.Tta, options.Decay));
        Assert.Equal([1, 2, 3], options.Widths);
        Assert.Equal(["*.tar", "no", "\"quoted\""], options.Notes);
        Assert.Equal(new OptimizerOptions { Lr = 3, Nesterov = false }, options.Optimizer);
    }

    [Fact]
    public void A_text_option_takes_any_text_as_it_is()
    {
        foreach (var text in new[] { "", "null", "~", "a: b", "{x", "\"" })
        {
            var options = OptionText.Bind(new FakeKinds().All[0], new Dictionary<string, string> { ["name"] = text });

            Assert.Equal(text, ((PrepareOptions)options).Name);
        }
    }

    [Fact]
    public void All_problems_of_flags_are_told_at_once_with_the_flag()
    {
        var error = Assert.Throws<ConfigurationException>(() => OptionText.Bind(new FakeKinds().All[1], new Dictionary<string, string>
        {
            ["max_images"] = "1.5",
            ["tta"] = "miror",
            ["widths"] = "1,,2",
            ["optimizer"] = "{ lr: ",
            ["epoch"] = "1",
        }));

        Assert.Equal(
            $$"""
            --optimizer { lr: : not valid YAML: While parsing a node, did not find expected node content.
            --epoch 1: train: unknown key 'epoch' (did you mean 'epochs'?); {{Given.TrainKeys}}
            --max-images 1.5: train.max_images: found '1.5'; expected a whole number
            --tta miror: train.tta: found 'miror' (did you mean 'mirror'?); expected one of none, mirror, mirror_translate, adaptive
            --widths 1,,2: train.widths[1]: found nothing; expected a whole number
            """,
            error.Message);
    }

    [Fact]
    public void A_rule_about_values_is_told_with_its_flag()
    {
        var texts = new Dictionary<string, string> { ["image_size"] = "8" };

        var error = Assert.Throws<ConfigurationException>(() => OptionText.Bind(new FakeKinds().All[0], texts));

        Assert.Equal("--image-size 8: prepare.image_size: found 8; expected 16 to 1024", error.Message);
    }

    private sealed record RecipeOptions
    {
        public string Recipe { get; init; } = "airbench94";
        public RecipeChanges Changes { get; init; } = RecipeChanges.None;
        [Range(1, 9)]
        public int Runs { get; init; } = 1;
    }

    [Fact]
    public void Inline_options_stand_among_those_of_their_record_and_have_no_value_where_none_is_given()
    {
        var fields = OptionFields.Of(typeof(RecipeOptions));
        Assert.Equal(["recipe", .. RecipeChanges.None.Declared.Select(option => option.Key), "runs"], fields.Select(field => field.Key));
        Assert.All(fields.SkipLast(1).Skip(1), field => Assert.Null(field.Default));
        Assert.Equal(("1 to 9", "more than 0", null), ($"{fields[^1].Range}", $"{fields.Single(field => field.Key == "muon_lr").Range}", fields[0].Range));

        var given = new Dictionary<string, string> { ["widths"] = "1,2,3", ["epochs"] = "2", ["proxy"] = "on", ["flip"] = "none", ["depth"] = "null" };
        var options = OptionText.Bind<RecipeOptions>("train", given, _ => []);

        Assert.Equal(["widths", "epochs", "flip", "proxy"], options.Changes.Keys);
        var recipe = options.Changes.ApplyTo(Recipe.All[options.Recipe]);
        Assert.Equal((2.0, Flip.None, Recipe.All["airbench96_faster"].Proxy), (recipe.Epochs, recipe.Flip, recipe.Proxy));
        Assert.Equal([1, 2, 3], recipe.Widths);
        var written = fields.Select(field => ResolvedYaml.Flow(field.Type, field.Get(options))).Where(text => text != "null");
        Assert.Equal(["airbench94", "[1, 2, 3]", "2", "none", "true", "1"], written);
    }

    private sealed record Odd
    {
        public Uri? Where { get; init; } = new("https://example.org");
        public decimal Price { get; init; }
    }

    private sealed record Endless
    {
        public Endless? Inner { get; init; }
    }

    [Fact]
    public void An_options_record_that_cannot_be_bound_is_a_defect_of_the_stage()
    {
        Assert.Throws<ArgumentException>(() => OptionFields.Of(typeof(Odd)));
        Assert.Throws<ArgumentException>(() => OptionFields.Of(typeof(Endless)));
    }
}
