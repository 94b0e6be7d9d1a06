using CsCheck;

namespace Airbench.Tests;

/// <summary>The cost of the recipes against the numbers that their sources report.</summary>
public sealed class FlopsTests
{
    private const int Cifar10TrainCount = 50_000;

    private static readonly Gen<NetworkSpec> Networks = Gen.Select(
        Gen.OneOf(Gen.Const(Architecture.Airbench), Gen.Const(Architecture.Resnet18)), Gen.Int[16, 40], Gen.Int[2, 20], Gen.Int[1, 20].Array[4], Gen.Int[2, 3],
        (architecture, size, classes, widths, depth) => new NetworkSpec
        {
            Architecture = architecture,
            ImageSize = size,
            ClassCount = classes,
            Mean = [0, 0, 0],
            Std = [1, 1, 1],
            Widths = architecture == Architecture.Resnet18 ? widths : widths[1..],
            Depth = depth,
            LogitScale = 1,
        });

    /// <summary>PFLOP as the paper (arXiv:2404.00498, table 1 and section 4) and the airbench repository report them.</summary>
    [Theory]
    [InlineData("airbench94", 0.36)]
    [InlineData("airbench94_muon", 0.29)]
    [InlineData("airbench95", 1.4)]
    [InlineData("airbench96", 4.9)]
    [InlineData("airbench96_faster", 3.1)]
    [InlineData("resnet18", 32.3)]
    public void A_training_on_cifar10_costs_what_its_source_reports(string name, double petaflops)
    {
        var recipe = Recipe.All[name];

        Assert.InRange(recipe.TrainingFlops(Cifar10(recipe), Cifar10TrainCount) / 1e15 / petaflops, 0.95, 1.05);
    }

    [Fact]
    public void The_forward_pass_of_airbench94_is_the_sum_of_its_layers_done_by_hand()
    {
        long multiplyAdds =
            (31 * 31 * 24 * 12) +
            (31 * 31 * 64 * 24 * 9) + (15 * 15 * 64 * 64 * 9) +
            (15 * 15 * 256 * 64 * 9) + (7 * 7 * 256 * 256 * 9) +
            (7 * 7 * 256 * 256 * 9) + (3 * 3 * 256 * 256 * 9) +
            (256 * 10);

        Assert.Equal(2 * multiplyAdds, Cifar10(Recipe.All["airbench94"]).ForwardFlops());
    }

    /// <summary>He et al. give 0.56 billion multiply-adds for the CIFAR form, as every re-implementation does.</summary>
    [Fact]
    public void Strides_and_shortcuts_of_a_resnet_count_where_they_are() =>
        Assert.Equal(0.5557e9, Cifar10(Recipe.All["resnet18"]).ForwardFlops() / 2.0, 0.0005e9);

    [Fact]
    public void Resnet18_has_its_known_number_of_parameters() =>
        Assert.Equal(11_173_962, Cifar10(Recipe.All["resnet18"]).ParameterCount());   // as torch counts them in the usual CIFAR form

    [Fact]
    public void Steps_drop_the_incomplete_batch_of_an_epoch_and_end_inside_one()
    {
        Assert.Equal(476, Recipe.All["airbench94"].Steps(Cifar10TrainCount));
        Assert.Equal(200, Recipe.All["airbench94_muon"].Steps(Cifar10TrainCount));
        Assert.Equal(0, Recipe.All["airbench94"].Steps(1023));
    }

    [Fact]
    public void A_proxy_that_keeps_every_example_and_learns_from_each_only_adds_its_own_training()
    {
        var recipe = Recipe.All["airbench96"];
        var network = Cifar10(recipe);
        var proxied = recipe with { Proxy = new Proxy(recipe.Widths, recipe.Depth, Keep: 1, BackwardEvery: 1) };

        Assert.Equal(
            2 * recipe.TrainingFlops(network, Cifar10TrainCount), proxied.TrainingFlops(network, Cifar10TrainCount), 1e-9 * network.ForwardFlops());
    }

    [Fact]
    public void Twice_the_width_is_at_most_four_times_the_work_and_another_class_costs_its_row_of_the_head() =>
        Networks.ForEachCase(network =>
        {
            var flops = network.ForwardFlops();
            var wide = network with { Widths = [.. network.Widths.Select(w => 2 * w)] };

            Assert.InRange((double)wide.ForwardFlops() / flops, 1, 4);
            Assert.Equal(flops + (2 * network.Widths[^1]), (network with { ClassCount = network.ClassCount + 1 }).ForwardFlops());
        });

    private static NetworkSpec Cifar10(Recipe recipe) => recipe.Network(32, 10, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]);
}
