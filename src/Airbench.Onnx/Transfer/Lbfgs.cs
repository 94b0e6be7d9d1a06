using System.Numerics.Tensors;

namespace Airbench.Onnx;

/// <summary>Limited-memory BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.5) for a smooth convex function.</summary>
internal static class Lbfgs
{
    /// <summary>Pairs of steps that stand in for the inverse Hessian.</summary>
    private const int Memory = 10;

    private const int MaxHalvings = 40;
    private const double SufficientDecrease = 1e-4;
    private const double Curvature = 0.9;

    /// <summary>Value at <paramref name="at"/>; writes the gradient.</summary>
    public delegate double Objective(ReadOnlySpan<double> at, Span<double> gradient);

    /// <summary>Moves <paramref name="at"/> to the minimum.</summary>
    /// <param name="objective">Convex and smooth.</param>
    /// <param name="at">Start, and the result.</param>
    /// <param name="tolerance">Ends where no element of the gradient is larger.</param>
    /// <param name="maxIterations">Ends in any case.</param>
    /// <param name="cancel">Answered between iterations.</param>
    /// <returns>Iterations done.</returns>
    public static int Minimize(Objective objective, double[] at, double tolerance, int maxIterations, CancellationToken cancel)
    {
        var n = at.Length;
        var (gradient, next, nextGradient, direction) = (new double[n], new double[n], new double[n], new double[n]);
        var pairs = new List<(double[] Step, double[] Change, double Rho)>();
        var value = objective(at, gradient);
        for (var iteration = 0; iteration < maxIterations; iteration++)
        {
            cancel.ThrowIfCancellationRequested();
            if (TensorPrimitives.MaxMagnitude<double>(gradient) is var largest && Math.Abs(largest) <= tolerance)
            {
                return iteration;
            }
            SetDirection(gradient, pairs, direction);
            var slope = TensorPrimitives.Dot<double>(gradient, direction);
            var length = pairs.Count == 0 ? 1 / Math.Max(1, TensorPrimitives.Norm<double>(gradient)) : 1;
            if (LineSearch(objective, at, value, slope, direction, length, next, nextGradient) is not { } lower)
            {
                return iteration;   // rounding allows no further decrease
            }
            value = lower;
            Remember(pairs, at, next, gradient, nextGradient);
            next.CopyTo(at, 0);
            nextGradient.CopyTo(gradient, 0);
        }
        return maxIterations;
    }

    /// <summary>The two-loop recursion: minus the approximate inverse Hessian times the gradient.</summary>
    private static void SetDirection(double[] gradient, List<(double[] Step, double[] Change, double Rho)> pairs, double[] direction)
    {
        TensorPrimitives.Negate<double>(gradient, direction);
        var alphas = new double[pairs.Count];
        for (var i = pairs.Count - 1; i >= 0; i--)
        {
            alphas[i] = pairs[i].Rho * TensorPrimitives.Dot<double>(pairs[i].Step, direction);
            TensorPrimitives.MultiplyAdd(pairs[i].Change, -alphas[i], direction, direction);
        }
        if (pairs.Count > 0)
        {
            var (_, change, rho) = pairs[^1];
            TensorPrimitives.Multiply(direction, 1 / (rho * TensorPrimitives.SumOfSquares<double>(change)), direction);
        }
        for (var i = 0; i < pairs.Count; i++)
        {
            var beta = pairs[i].Rho * TensorPrimitives.Dot<double>(pairs[i].Change, direction);
            TensorPrimitives.MultiplyAdd(pairs[i].Step, alphas[i] - beta, direction, direction);
        }
    }

    /// <summary>Bisects for a step that decreases enough and is long enough (weak Wolfe conditions); null where none decreases at all.</summary>
    private static double? LineSearch(
        Objective objective, double[] at, double value, double slope, double[] direction, double length, double[] next, double[] nextGradient)
    {
        var (low, high) = (0.0, double.PositiveInfinity);
        for (var i = 0; i < MaxHalvings; i++)
        {
            TensorPrimitives.MultiplyAdd(direction, length, at, next);
            var found = objective(next, nextGradient);
            if (!(found <= value + (SufficientDecrease * length * slope)))
            {
                high = length;
            }
            else if (TensorPrimitives.Dot<double>(nextGradient, direction) < Curvature * slope)
            {
                low = length;
            }
            else
            {
                return found < value ? found : null;
            }
            length = double.IsInfinity(high) ? 2 * length : (low + high) / 2;
        }
        return null;
    }

    private static void Remember(
        List<(double[] Step, double[] Change, double Rho)> pairs, double[] at, double[] next, double[] gradient, double[] nextGradient)
    {
        var (step, change) = (new double[at.Length], new double[at.Length]);
        TensorPrimitives.Subtract(next, at, step);
        TensorPrimitives.Subtract(nextGradient, gradient, change);
        var curvature = TensorPrimitives.Dot<double>(step, change);
        if (curvature > 0)
        {
            if (pairs.Count == Memory)
            {
                pairs.RemoveAt(0);
            }
            pairs.Add((step, change, 1 / curvature));
        }
    }
}
