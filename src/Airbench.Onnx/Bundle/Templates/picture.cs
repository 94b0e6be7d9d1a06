/// <summary>Upright RGB, row by row, 3 bytes a pixel.</summary>
sealed record Picture(int Width, int Height, byte[] Pixels)
{
    /// <summary>
    /// As the model was trained to see it: <paramref name="size"/> pixels square, by a triangle filter that widens where it reduces. With the fit "crop"
    /// the short side becomes <paramref name="size"/>, and the centre is kept; with "pad" the long one, and the rest is black; with "stretch" both.
    /// </summary>
    public Picture Fit(int size, string fit)
    {
        if (Width == size && Height == size)
        {
            return this;
        }
        var side = fit == "pad" ? Math.Max(Width, Height) : Math.Min(Width, Height);
        long Scaled(int length) => fit == "stretch" ? size : Math.Max(1, (long)size * length / side);
        var (columns, rows) = (Taps.Of(Width, Scaled(Width), size), Taps.Of(Height, Scaled(Height), size));
        var firstRow = rows.Min(row => row.First);
        var narrow = new float[rows.Max(row => row.First + row.Weights.Length) - firstRow, size, 3];   // columns first, for the rows that are needed
        for (var y = 0; y < narrow.GetLength(0); y++)
        {
            for (var i = 0; i < size; i++)
            {
                var at = 3 * (((long)(firstRow + y) * Width) + columns[i].First);
                foreach (var weight in columns[i].Weights)
                {
                    for (var c = 0; c < 3; c++)
                    {
                        narrow[y, i, c] += weight * Pixels[at++];
                    }
                }
            }
        }
        var fitted = new byte[3 * size * size];
        for (var at = 0; at < fitted.Length; at++)
        {
            var (first, weights) = rows[at / 3 / size];
            var sum = 0f;
            for (var k = 0; k < weights.Length; k++)
            {
                sum += weights[k] * narrow[first - firstRow + k, at / 3 % size, at % 3];
            }
            fitted[at] = (byte)Math.Clamp((int)(sum + 0.5f), 0, 255);
        }
        return new Picture(size, size, fitted);
    }

    /// <summary>The first of the pixels that one of the result is made of, and their weights; none where it is padding.</summary>
    private sealed record Taps(int First, float[] Weights)
    {
        public static Taps[] Of(int length, long scaled, int size)
        {
            var margin = (long)Math.Round((scaled - size) / 2.0);
            var (step, taps) = ((double)length / scaled, new Taps[size]);
            var support = Math.Max(step, 1);
            for (var i = 0; i < size; i++)
            {
                if (margin + i < 0 || margin + i >= scaled)
                {
                    taps[i] = new Taps(0, []);
                    continue;
                }
                var centre = (margin + i + 0.5) * step;
                var (first, end) = (Math.Max(0, (int)(centre - support + 0.5)), Math.Min(length, (int)(centre + support + 0.5)));
                var weights = Enumerable.Range(first, end - first).Select(x => Math.Max(0, 1 - Math.Abs((x + 0.5 - centre) / support))).ToArray();
                var total = weights.Sum();
                taps[i] = new Taps(first, [.. weights.Select(w => (float)(w / total))]);
            }
            return taps;
        }
    }
}
