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

    /// <summary>Steps that progress counts before the first of the network of run <paramref name="run"/> (from 0).</summary>
    public long ReportedBefore(int run) => ((run + 1) * ReportedSteps) - TotalSteps;

    /// <summary>Steps done at the end of epoch <paramref name="epoch"/> (from 0); the last one may be cut short.</summary>
    public int EndOf(int epoch) => Math.Min((epoch + 1) * StepsPerEpoch, TotalSteps);

    /// <summary>Steps that the schedule is fitted to: all, unless the recipe has a tail.</summary>
    public int ScheduleSteps => Recipe.LrTail is { } tail ? Math.Max(1, (int)Math.Round(tail.Share * TotalSteps)) : TotalSteps;

    /// <summary>The learning-rate factor is never less.</summary>
    public double SmallestFactor => Recipe.LrTail?.Factor ?? 0;

    /// <summary>Learning-rate factor at step <paramref name="step"/> (from 0).</summary>
    public double LrFactor(int step) => FactorAt(Recipe.Schedule, step, ScheduleSteps, SmallestFactor);

    /// <summary>Weight of the slow weights in their update after <paramref name="steps"/> steps; null for no update.</summary>
    /// <remarks>0 makes them those of the network; 1 makes the network's them.</remarks>
    public double? SlowDecay(int steps)
    {
        if (Recipe.TailAverage is { } tail)
        {
            var since = steps - Math.Max(1, (int)Math.Round(tail.Start * TotalSteps));
            return since == 0 ? 0 : since > 0 && since % (int)Math.Round(tail.Every) == 0 ? tail.Keep : null;
        }
        return Recipe.Lookahead && steps % Lookahead.Interval == 0 ? Lookahead.Decay(steps, TotalSteps) : null;
    }

    /// <summary>A schedule over its own steps, at rest after them.</summary>
    public static double FactorAt(TriangularSchedule schedule, int step, int steps, double smallest) =>
        Math.Max(smallest, schedule.At(Math.Min(step, steps), steps));

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
