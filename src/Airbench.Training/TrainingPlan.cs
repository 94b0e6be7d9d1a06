namespace Airbench.Training;

/// <summary>Numbers of steps and learning rates that follow from a recipe and a training-set size.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="StepsPerEpoch">Whole batches in the training set; an incomplete last one is dropped.</param>
/// <param name="TotalSteps">Optimizer steps.</param>
/// <param name="WhitenBiasSteps">The whitening bias trains for this many steps.</param>
/// <param name="Lr">Learning rate of the convolutions at the schedule's peak.</param>
/// <param name="BiasLr">Learning rate of batch-norm biases.</param>
/// <param name="WhitenLr">Learning rate of the whitening bias.</param>
/// <param name="HeadLr">Learning rate of the head.</param>
/// <param name="Decay">L2 decay times learning rate, the same in every group of SGD.</param>
internal sealed record TrainingPlan(
    Recipe Recipe, int StepsPerEpoch, int TotalSteps, int WhitenBiasSteps, double Lr, double BiasLr, double WhitenLr, double HeadLr, double Decay)
{
    /// <summary>Steps that progress counts: those of the proxy too.</summary>
    public long ReportedSteps => (Recipe.Proxy is null ? 1L : 2L) * TotalSteps;

    /// <summary>Steps done at the end of epoch <paramref name="epoch"/> (from 0); the last one may be cut short.</summary>
    public int EndOf(int epoch) => Math.Min((epoch + 1) * StepsPerEpoch, TotalSteps);

    /// <summary>Decoupled hyperparameters for SGD (paper, appendix), plain ones for Muon.</summary>
    public static TrainingPlan For(Recipe recipe, int trainCount)
    {
        var stepsPerEpoch = trainCount / recipe.BatchSize;
        var totalSteps = (int)recipe.Steps(trainCount);
        // Without whitening the first convolution is one like any other: its bias never freezes.
        var whitenBiasSteps = recipe.Whiten ? (int)Math.Ceiling(recipe.WhitenBiasEpochs * stepsPerEpoch) : int.MaxValue;
        if (recipe.Muon is { } muon)
        {
            return new TrainingPlan(
                recipe, stepsPerEpoch, totalSteps, whitenBiasSteps, muon.Lr, muon.BiasLr, WhitenLr: muon.BiasLr, muon.HeadLr,
                Decay: muon.WeightDecay * recipe.BatchSize);
        }
        var kilostep = 1024 * (1 + (1 / (1 - recipe.Momentum)));
        var lr = recipe.Lr1024 / kilostep;
        return new TrainingPlan(
            recipe, stepsPerEpoch, totalSteps, whitenBiasSteps, lr, BiasLr: lr * recipe.BiasScaler, WhitenLr: lr, HeadLr: lr,
            Decay: recipe.WeightDecay1024 * recipe.BatchSize / kilostep);
    }
}
