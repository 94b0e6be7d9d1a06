using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Airbench.Training;

/// <summary>Number format of the training's arithmetic. Batch-norm statistics, the loss and the head are fp32 in all of them.</summary>
public enum Precision
{
    /// <summary>bf16 on CUDA; on a CPU bf16 where it is measured to be faster, else fp32 (see <see cref="AutoPrecision"/>).</summary>
    Auto,

    /// <summary>bf16 activations and products, fp32 master weights.</summary>
    Bf16,

    /// <summary>As <see cref="Bf16"/>, and the weights are bf16 too.</summary>
    Bf16Weights,

    /// <summary>fp16 activations and products, fp32 master weights; CUDA only.</summary>
    Fp16,

    /// <summary>As <see cref="Fp16"/>, and the weights are fp16 too; CUDA only. What the public airbench scripts train in.</summary>
    Fp16Weights,

    /// <summary>fp32 throughout.</summary>
    Fp32,
}

/// <summary>What pools, normalizes and activates on CUDA. On a CPU there is nothing to choose.</summary>
public enum Kernels
{
    /// <summary>Ours where they compute the same as libtorch's operators and are faster, which a moment before the training shows.</summary>
    Auto,

    /// <summary>Ours where they can be built.</summary>
    Own,

    /// <summary>libtorch's operators.</summary>
    Libtorch,
}

/// <summary>Options of the <c>train</c> stage: how to run it, and what to change in the recipe.</summary>
public record TrainOptions
{
    [Description("Recipe to start from (airbench94).")]
    [AllowedValues("airbench94", "airbench94_muon", "airbench95", "airbench96", "airbench96_faster", "speedrun2025", "speedrun2026", "resnet18")]
    public string Recipe { get; init; } = "airbench94";

    [Description("Name of the folder under models/; the pipeline's name by default.")]
    public string? Name { get; init; }

    [Description("Networks to train, with seeds seed, seed+1, ...; the first is exported, never the best.")]
    [Range(1, 10_000)]
    public int Runs { get; init; } = 1;

    [Description("Arithmetic: auto (bf16 on CUDA, on a CPU where it is measured to be 1.15 times as fast as fp32), bf16 (fp32 master weights), bf16_weights, fp16 (CUDA), fp16_weights (CUDA) or fp32.")]
    public Precision Precision { get; init; }

    [Description("CUDA kernels between the convolutions: auto (ours where they are right and faster), own or libtorch. No effect on the CPU.")]
    public Kernels Kernels { get; init; }

    [Description("CUDA: whether the forward and backward pass are recorded once and replayed, which spares the host's time. No effect on the CPU.")]
    public bool CudaGraph { get; init; } = true;

    [Description("Threads of the native runtime on CPU; 0 takes all cores.")]
    [Range(0, 1024)]
    public int Threads { get; init; }

    [Description("Validate on the test split every this many epochs, outside the timer; 0 only at the end.")]
    [Range(0, int.MaxValue)]
    public int ValidateEvery { get; init; } = 1;

    [Description("Writes a checkpoint every this many seconds, outside the timer, from which a stopped training resumes; 0 never.")]
    [Range(0, int.MaxValue)]
    public int CheckpointEverySeconds { get; init; } = 300;

    /// <summary>Every hyperparameter of <see cref="Airbench.Recipe"/> is an option too; one that is left out keeps the recipe's value.</summary>
    [JsonExtensionData]   // as a setting in the lock file too, it stands beside the options above
    public RecipeChanges Changes { get; init; } = RecipeChanges.None;

    /// <summary>Problems that the types cannot express, as "key: found; expected".</summary>
    public static IEnumerable<string> Check(TrainOptions options)
    {
        var ranges = NumberRange.Problems(options);
        return Airbench.Recipe.All.TryGetValue(options.Recipe, out var recipe)
            ? ranges.Concat(options.Changes.Problems(recipe))
            : ranges.Prepend($"recipe: '{options.Recipe}' is unknown; expected one of {string.Join(", ", Airbench.Recipe.All.Keys)}");
    }

    /// <summary>The recipe with the changes.</summary>
    public Recipe ToRecipe() => Changes.ApplyTo(Airbench.Recipe.All[Recipe]);
}
