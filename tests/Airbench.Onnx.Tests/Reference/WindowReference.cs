namespace Airbench.Tests;

/// <summary>Convolutions and pools of any number of spatial axes, after their definition in the ONNX standard.</summary>
internal static class WindowReference
{
    /// <summary>What slides; an entry for each spatial axis.</summary>
    public sealed record Setting(int[] Kernel, int[] Strides, int[] Dilations, int[] Begin, int[] End, bool Ceil = false)
    {
        /// <summary>Number of windows; with ceil_mode also one that hangs over, if it starts inside of the input or the padding before it.</summary>
        public int[] Windows(int[] input) => [.. Kernel.Select((kernel, axis) =>
        {
            double room = input[axis] + Begin[axis] + End[axis] - ((kernel - 1) * Dilations[axis]) - 1;
            var count = (int)(Ceil ? Math.Ceiling(room / Strides[axis]) : Math.Floor(room / Strides[axis])) + 1;
            return Ceil && (count - 1) * Strides[axis] >= input[axis] + Begin[axis] ? count - 1 : count;
        })];

        /// <summary>Places in the input that a window sees, with the number of the tap; null for padding.</summary>
        public IEnumerable<(int Tap, int[]? At)> Seen(int[] window, int[] input)
        {
            var tap = new int[Kernel.Length];
            for (var i = 0; i < NdArray.Size(Kernel); i++)
            {
                int[] at = [.. window.Select((position, axis) => (position * Strides[axis]) + (tap[axis] * Dilations[axis]) - Begin[axis])];
                yield return (i, at.Index().All(p => p.Item >= 0 && p.Item < input[p.Index]) ? at : null);
                NdArray.Advance(tap, Kernel);
            }
        }

        /// <summary>Taps of a window in the input and the padding that is asked for, without what ceil_mode adds.</summary>
        public int InPadding(int[] window, int[] input)
        {
            var padded = this with { Begin = new int[Kernel.Length] };
            return padded.Seen(window, [.. input.Select((extent, axis) => extent + Begin[axis] + End[axis])]).Count(seen => seen.At is not null);
        }
    }

    public static NdArray Conv(NdArray x, NdArray weight, NdArray? bias, int groups, Setting setting)
    {
        int[] input = x.Shape[2..], windows = setting.Windows(input);
        int ins = weight.Shape[1], outs = weight.Shape[0] / groups, taps = NdArray.Size(setting.Kernel), plane = NdArray.Size(input);
        return NdArray.From([x.Shape[0], weight.Shape[0], .. windows], at =>
        {
            var sum = bias?.Values[at[1]] ?? 0;
            foreach (var (tap, place) in setting.Seen(at[2..], input))
            {
                for (var i = 0; i < ins && place is not null; i++)
                {
                    var channel = (at[1] / outs * ins) + i;
                    sum += weight.Values[(((at[1] * ins) + i) * taps) + tap] * x.Values[(((at[0] * x.Shape[1]) + channel) * plane) + Flat(place, input)];
                }
            }
            return sum;
        });
    }

    /// <summary>Every element of the input adds itself times the kernel to the output.</summary>
    public static NdArray ConvTranspose(NdArray x, NdArray weight, int groups, Setting setting, int[] outputPadding)
    {
        int[] output = [.. x.Shape[2..].Select((extent, axis) => ((extent - 1) * setting.Strides[axis]) + ((setting.Kernel[axis] - 1) * setting.Dilations[axis]) + 1
            - setting.Begin[axis] - setting.End[axis] + outputPadding[axis])];
        int outs = weight.Shape[1], ins = weight.Shape[0] / groups, taps = NdArray.Size(setting.Kernel), plane = NdArray.Size(output);
        var values = new double[x.Shape[0] * outs * groups * plane];
        var at = new int[x.Rank];
        foreach (var value in x.Values)
        {
            foreach (var (tap, place) in setting.Seen(at[2..], output))
            {
                for (var o = 0; o < outs && place is not null; o++)
                {
                    var channel = (at[1] / ins * outs) + o;
                    values[(((at[0] * outs * groups) + channel) * plane) + Flat(place, output)] += value * weight.Values[(((at[1] * outs) + o) * taps) + tap];
                }
            }
            NdArray.Advance(at, x.Shape);
        }
        return new NdArray([x.Shape[0], outs * groups, .. output], values);
    }

    /// <summary>The largest elements, and where they are in the whole tensor; of equal ones the first.</summary>
    public static (NdArray Largest, NdArray Chosen) MaxPool(NdArray x, Setting setting)
    {
        var input = x.Shape[2..];
        int[] shape = [.. x.Shape[..2], .. setting.Windows(input)];
        var plane = NdArray.Size(input);
        var chosen = NdArray.From(shape, at => setting.Seen(at[2..], input).Where(seen => seen.At is not null)
            .Select(seen => (((at[0] * x.Shape[1]) + at[1]) * plane) + Flat(seen.At!, input)).MaxBy(index => x.Values[index]));
        return (chosen.Map(index => x.Values[(int)index]), chosen);
    }

    public static NdArray AveragePool(NdArray x, Setting setting, bool countsPadding)
    {
        var input = x.Shape[2..];
        var plane = NdArray.Size(input);
        return NdArray.From([.. x.Shape[..2], .. setting.Windows(input)], at =>
        {
            var seen = setting.Seen(at[2..], input).Where(s => s.At is not null)
                .Select(s => x.Values[(((at[0] * x.Shape[1]) + at[1]) * plane) + Flat(s.At!, input)]).ToArray();
            return seen.Sum() / (countsPadding ? setting.InPadding(at[2..], input) : seen.Length);
        });
    }

    private static int Flat(int[] at, int[] shape) => at.Index().Aggregate(0, (index, p) => (index * shape[p.Index]) + p.Item);
}
