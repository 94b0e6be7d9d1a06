using System.Runtime.InteropServices;

namespace Airbench.Onnx;

/// <summary>The classes of the new head, and where each of its rows comes from.</summary>
/// <param name="Classes">Names in the order of the rows.</param>
/// <param name="OldRows">For each row that of the parent's head, -1 for a class that it did not have.</param>
internal sealed record HeadPlan(IReadOnlyList<string> Classes, IReadOnlyList<int> OldRows)
{
    /// <summary>Keeps rows of classes that stay, by name. With <paramref name="keep"/> all of them stay and new ones come behind.</summary>
    public static HeadPlan For(IReadOnlyList<string> old, IReadOnlyList<string> data, bool keep)
    {
        string[] classes = keep ? [.. old, .. data.Except(old)] : [.. data];
        var rows = old.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        return new HeadPlan(classes, [.. classes.Select(name => rows.GetValueOrDefault(name, -1))]);
    }

    /// <summary>Rows of the head for the classes of a data set, by name; -1 where the head has none.</summary>
    public int[] RowsOf(IReadOnlyList<string> data) => Rows(Classes, data);

    /// <summary>Places of <paramref name="names"/> in <paramref name="classes"/>, -1 for the unknown.</summary>
    public static int[] Rows(IReadOnlyList<string> classes, IReadOnlyList<string> names)
    {
        var rows = classes.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        return [.. names.Select(name => rows.GetValueOrDefault(name, -1))];
    }

    /// <summary>
    /// Writes the weights that the fine-tuning starts from. A new row is drawn as PyTorch draws linear layers, uniform in +-1/sqrt(fan-in);
    /// where old rows stay, it is that on top of their mean, so that a new class is as likely as the average old one.
    /// </summary>
    public void WriteWeights(TensorFile parent, NetworkSpec network, string path, int seed)
    {
        var random = new Random(seed);
        var fanIn = network.Head().In;
        var head = network.Head().Parameters().Select(p => p.Name).ToHashSet();
        TensorFileWriter.Write(path, network.Parameters().Select(p =>
        {
            var old = parent.Read<float>(parent.Require(p.Name, TensorType.F32, head.Contains(p.Name) ? [-1, .. p.Shape[1..]] : p.Shape)).ToArray();
            var values = head.Contains(p.Name) ? Extend(old, (int)p.Shape.Skip(1).Aggregate(1L, (product, extent) => product * extent)) : old;
            return (p.Name, TensorType.F32, p.Shape, (ReadOnlyMemory<byte>)MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }));

        float[] Extend(float[] old, int width)
        {
            var kept = OldRows.Where(row => row >= 0).ToArray();
            var values = new float[Classes.Count * width];
            foreach (var (row, source) in OldRows.Index())
            {
                for (var i = 0; i < width; i++)
                {
                    values[(row * width) + i] = source >= 0
                        ? old[(source * width) + i]
                        : (float)(((2 * random.NextDouble()) - 1) / Math.Sqrt(fanIn)) + (kept.Length > 0 ? kept.Average(k => old[(k * width) + i]) : 0);
                }
            }
            return values;
        }
    }
}
