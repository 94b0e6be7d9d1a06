using System.Globalization;

namespace Airbench.Data;

/// <summary>
/// One of several equal shares of an evaluation. Images are numbered in the order of their source and cut into blocks of one batch;
/// shard i of n takes the blocks i - 1, i - 1 + n, i - 1 + 2n, ... Every batch so holds the images that it holds without shards, and gives
/// the same numbers to the last bit on the same kind of machine.
/// </summary>
/// <param name="Index">Which one, 1 to <paramref name="Count"/>.</param>
/// <param name="Count">How many there are.</param>
public readonly record struct Shard(int Index, int Count)
{
    /// <summary>Most shards.</summary>
    public const int MaxCount = 10_000;

    /// <summary>Everything.</summary>
    public static Shard Whole { get; } = new(1, 1);

    /// <summary>Reads "2/8"; null where the text is no shard.</summary>
    public static Shard? Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0
            && int.TryParse(text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && index >= 1 && index <= count && count <= MaxCount
            ? new Shard(index, count)
            : null;
    }

    /// <summary>Whether the batch with this number, from 0, belongs to this shard.</summary>
    public bool Owns(int block) => block % Count == Index - 1;

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Index}/{Count}");
}
