using System.Numerics.Tensors;

namespace Airbench.Onnx;

/// <summary>
/// Multinomial logistic regression with an L2 penalty on the weights, fitted by L-BFGS in float64: mean of the examples' cross-entropy by their
/// weights, plus l2 / 2 times the squared norm of the weights.
/// </summary>
/// <remarks>
/// Features are centred and divided by their common standard deviation first, so that the same penalties suit every backbone; the result is for
/// features as they are. Sums are split in a fixed number of parts, so that the answer does not depend on the number of cores.
/// </remarks>
internal sealed class LogisticRegression
{
    private const int Parts = 16;
    private const int RowsAtOnce = 32;
    private const int MaxIterations = 500;

    private readonly FeatureTable _table;
    private readonly int[] _labels;
    private readonly double[] _weights;
    private readonly int _classes;
    private readonly double[] _mean;
    private readonly double _scale;
    private readonly double[] _parameters;   // [K,F] and [K], for scaled features
    private readonly double[][] _gradients = new double[Parts][];

    /// <summary>A regression that has not learned yet.</summary>
    /// <param name="table">Examples, at least one.</param>
    /// <param name="labels">Class of each image.</param>
    /// <param name="classWeights">Factor on the examples of each class, K of them.</param>
    public LogisticRegression(FeatureTable table, int[] labels, double[] classWeights)
    {
        (_table, _labels, _classes) = (table, labels, classWeights.Length);
        _weights = Array.ConvertAll(labels, label => classWeights[label]);
        var sum = _weights.Sum() * table.Views;
        TensorPrimitives.Divide(_weights, sum, _weights);
        (_mean, _scale) = Moments(table);
        _parameters = new double[_classes * (table.Width + 1)];
        for (var i = 0; i < Parts; i++)
        {
            _gradients[i] = new double[_parameters.Length];
        }
    }

    /// <summary>Fits, starting from what was fitted before: of several penalties the largest should come first.</summary>
    /// <param name="l2">The penalty, positive.</param>
    /// <param name="tolerance">Largest element of the gradient at the end.</param>
    /// <param name="cancel">Answered between iterations.</param>
    public LinearHead Fit(double l2, double tolerance, CancellationToken cancel)
    {
        Iterations = Lbfgs.Minimize((at, gradient) => Evaluate(at, l2, gradient), _parameters, tolerance, MaxIterations, cancel);
        var weight = _parameters[..(_classes * _table.Width)];
        TensorPrimitives.Multiply(weight, 1 / _scale, weight);
        var bias = _parameters[(_classes * _table.Width)..];
        for (var k = 0; k < _classes; k++)
        {
            bias[k] -= TensorPrimitives.Dot<double>(weight.AsSpan(k * _table.Width, _table.Width), _mean);
        }
        return new LinearHead(weight, bias);
    }

    /// <summary>Of the last fit.</summary>
    public int Iterations { get; private set; }

    /// <summary>Value and gradient of the objective.</summary>
    internal double Evaluate(ReadOnlySpan<double> at, double l2, Span<double> gradient)
    {
        var (point, losses) = (at.ToArray(), new double[Parts]);
        Parallel.For(0, Parts, part => losses[part] = Add(point, part, _gradients[part]));
        gradient.Clear();
        foreach (var part in _gradients)
        {
            TensorPrimitives.Add(gradient, part, gradient);
        }
        var weight = at[..(_classes * _table.Width)];
        TensorPrimitives.MultiplyAdd(weight, l2, gradient[..weight.Length], gradient[..weight.Length]);
        return losses.Sum() + (l2 / 2 * TensorPrimitives.SumOfSquares(weight));
    }

    /// <summary>The loss of every <see cref="Parts"/>th block of rows from <paramref name="part"/> on, and its gradient.</summary>
    private double Add(double[] at, int part, double[] gradient)
    {
        Array.Clear(gradient);
        var width = _table.Width;
        var (x, scores, loss) = (new double[width], new double[_classes], 0.0);
        for (var first = part * RowsAtOnce; first < _table.Rows; first += Parts * RowsAtOnce)
        {
            for (var row = first; row < Math.Min(first + RowsAtOnce, _table.Rows); row++)
            {
                TensorPrimitives.ConvertTruncating<float, double>(_table.Values.AsSpan(row * width, width), x);
                TensorPrimitives.Subtract(x, _mean, x);
                TensorPrimitives.Multiply(x, 1 / _scale, x);
                for (var k = 0; k < _classes; k++)
                {
                    scores[k] = at[(_classes * width) + k] + TensorPrimitives.Dot<double>(x, at.AsSpan(k * width, width));
                }
                var (label, weight) = (_labels[row / _table.Views], _weights[row / _table.Views]);
                var largest = TensorPrimitives.Max<double>(scores);
                var own = scores[label];
                var sum = 0.0;
                for (var k = 0; k < _classes; k++)
                {
                    sum += scores[k] = Math.Exp(scores[k] - largest);
                }
                loss += weight * (Math.Log(sum) + largest - own);
                for (var k = 0; k < _classes; k++)
                {
                    var slope = weight * ((scores[k] / sum) - (k == label ? 1 : 0));
                    gradient[(_classes * width) + k] += slope;
                    var rows = gradient.AsSpan(k * width, width);
                    TensorPrimitives.MultiplyAdd(x, slope, rows, rows);
                }
            }
        }
        return loss;
    }

    /// <summary>Mean of each feature, and the root of their mean variance; 1 where nothing varies.</summary>
    private static (double[] Mean, double Scale) Moments(FeatureTable table)
    {
        var (mean, wide, squares) = (new double[table.Width], new double[table.Width], 0.0);
        for (var row = 0; row < table.Rows; row++)
        {
            TensorPrimitives.ConvertTruncating<float, double>(table.Values.AsSpan(row * table.Width, table.Width), wide);
            TensorPrimitives.Add(mean, wide, mean);
        }
        TensorPrimitives.Divide(mean, table.Rows, mean);
        for (var row = 0; row < table.Rows; row++)
        {
            TensorPrimitives.ConvertTruncating<float, double>(table.Values.AsSpan(row * table.Width, table.Width), wide);
            TensorPrimitives.Subtract(wide, mean, wide);
            squares += TensorPrimitives.SumOfSquares<double>(wide);
        }
        var variance = squares / table.Values.Length;
        return (mean, variance > 0 ? Math.Sqrt(variance) : 1);
    }
}
