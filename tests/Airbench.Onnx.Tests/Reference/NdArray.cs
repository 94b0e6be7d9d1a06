namespace Airbench.Tests;

/// <summary>A tensor of the reference interpreter; whole numbers and conditions are float64 too. No shape is a scalar.</summary>
internal sealed record NdArray(int[] Shape, double[] Values)
{
    public static NdArray Of(int[] shape, Func<int, double> value) => new(shape, [.. Enumerable.Range(0, Size(shape)).Select(value)]);

    public static NdArray Scalar(double value) => new([], [value]);

    public static NdArray List(IEnumerable<double> values) => values.ToArray() is var all ? new([all.Length], all) : null!;

    public int Rank => Shape.Length;

    public static int Size(IEnumerable<int> shape) => shape.Aggregate(1, (product, extent) => product * extent);

    public NdArray Map(Func<double, double> f) => this with { Values = Array.ConvertAll(Values, v => f(v)) };

    /// <summary>Whole numbers, as a list.</summary>
    public int[] Ints => Array.ConvertAll(Values, v => (int)Math.Clamp(v, int.MinValue, int.MaxValue));

    public static int[] Strides(int[] shape)
    {
        var strides = new int[shape.Length];
        for (int axis = shape.Length - 1, stride = 1; axis >= 0; stride *= shape[axis--])
        {
            strides[axis] = stride;
        }
        return strides;
    }

    /// <summary>A tensor whose elements are chosen by their place: <paramref name="source"/> gives an index into the values, or -1 for <paramref name="otherwise"/>.</summary>
    public NdArray Pick(int[] shape, Func<int[], int> source, double otherwise = 0) => From(shape, at => source(at) is >= 0 and var i ? Values[i] : otherwise);

    /// <summary>A tensor from a function of the place.</summary>
    public static NdArray From(int[] shape, Func<int[], double> value)
    {
        var values = new double[Size(shape)];
        var at = new int[shape.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = value(at);
            Advance(at, shape);
        }
        return new NdArray(shape, values);
    }

    /// <summary>The next place, the last axis first.</summary>
    public static void Advance(int[] at, int[] shape)
    {
        for (var axis = at.Length - 1; axis >= 0; axis--)
        {
            if (++at[axis] < shape[axis])
            {
                return;
            }
            at[axis] = 0;
        }
    }

    public int Index(int[] at)
    {
        var index = 0;
        for (var axis = 0; axis < Shape.Length; axis++)
        {
            index = (index * Shape[axis]) + at[axis];
        }
        return index;
    }

    public double this[int[] at] => Values[Index(at)];

    /// <summary>Repeated along axes of extent 1 and new axes in front.</summary>
    public NdArray Broadcast(int[] shape) => Shape.SequenceEqual(shape) ? this : From(shape, at =>
        this[[.. Shape.Select((extent, axis) => extent == 1 ? 0 : at[axis + shape.Length - Rank])]]);

    public static int[] BroadcastShape(params IEnumerable<int[]> shapes) => shapes.Aggregate((a, b) =>
    {
        var rank = Math.Max(a.Length, b.Length);
        int[] x = [.. Enumerable.Repeat(1, rank - a.Length), .. a], y = [.. Enumerable.Repeat(1, rank - b.Length), .. b];
        return [.. x.Zip(y).Select(pair => pair.First == pair.Second || pair.Second == 1 ? pair.First
            : pair.First == 1 ? pair.Second : throw new InvalidOperationException($"[{string.Join(',', a)}] and [{string.Join(',', b)}] do not broadcast"))];
    });

    public static NdArray Zip(NdArray a, NdArray b, Func<double, double, double> f)
    {
        var shape = BroadcastShape([a.Shape, b.Shape]);
        var (x, y) = (a.Broadcast(shape), b.Broadcast(shape));
        return new NdArray(shape, [.. x.Values.Zip(y.Values, f)]);
    }

    public NdArray Reshape(int[] shape) => Size(shape) == Values.Length ? new NdArray(shape, Values)
        : throw new InvalidOperationException($"[{string.Join(',', Shape)}] has not the elements of [{string.Join(',', shape)}]");

    public NdArray Transpose(int[] axes)
    {
        int[] shape = [.. axes.Select(axis => Shape[axis])];
        var strides = Strides(Shape);
        return Pick(shape, at => at.Select((position, axis) => position * strides[axes[axis]]).Sum());
    }

    /// <summary>What <paramref name="f"/> makes of all elements along axes, which stay with the extent 1.</summary>
    public NdArray Reduce(int[] axes, Func<IReadOnlyList<double>, double> f)
    {
        int[] shape = [.. Shape.Select((extent, axis) => axes.Contains(axis) ? 1 : extent)];
        var groups = Enumerable.Range(0, Size(shape)).Select(_ => new List<double>()).ToArray();
        var (at, strides) = (new int[Rank], Strides(shape));
        foreach (var value in Values)
        {
            groups[at.Select((position, axis) => axes.Contains(axis) ? 0 : position * strides[axis]).Sum()].Add(value);
            Advance(at, Shape);
        }
        return new NdArray(shape, [.. groups.Select(f)]);
    }

    public NdArray Slice(int axis, int start, int count, int step = 1)
    {
        int[] shape = [.. Shape];
        shape[axis] = count;
        return From(shape, at =>
        {
            int[] from = [.. at];
            from[axis] = start + (at[axis] * step);
            return this[from];
        });
    }

    public static NdArray Concat(IReadOnlyList<NdArray> parts, int axis)
    {
        int[] shape = [.. parts[0].Shape];
        shape[axis] = parts.Sum(part => part.Shape[axis]);
        return From(shape, at =>
        {
            int[] from = [.. at];
            foreach (var part in parts)
            {
                if (from[axis] < part.Shape[axis])
                {
                    return part[from];
                }
                from[axis] -= part.Shape[axis];
            }
            throw new InvalidOperationException();
        });
    }

    public static NdArray MatMul(NdArray a, NdArray b)
    {
        var (x, y) = (a.Rank == 1 ? a.Reshape([1, .. a.Shape]) : a, b.Rank == 1 ? b.Reshape([.. b.Shape, 1]) : b);
        var outer = BroadcastShape([x.Shape[..^2], y.Shape[..^2]]);
        int rows = x.Shape[^2], inner = x.Shape[^1], columns = y.Shape[^1];
        (x, y) = (x.Broadcast([.. outer, rows, inner]), y.Broadcast([.. outer, inner, columns]));
        var values = new double[Size(outer) * rows * columns];
        for (var i = 0; i < values.Length; i++)
        {
            var (matrix, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
            for (var k = 0; k < inner; k++)
            {
                values[i] += x.Values[(((matrix * rows) + row) * inner) + k] * y.Values[(((matrix * inner) + k) * columns) + column];
            }
        }
        return new NdArray([.. outer, .. a.Rank == 1 ? (int[])[] : [rows], .. b.Rank == 1 ? (int[])[] : [columns]], values);
    }
}
