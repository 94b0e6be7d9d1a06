namespace Airbench.Training;

/// <summary>
/// Products of small fp32 matrices, held in registers while they are summed. Matrices of tiles are stored in blocks of <c>Lanes</c> channels,
/// (blocks, tiles, lanes): what a kernel reads of its rows is then at fixed distances.
/// </summary>
internal unsafe interface IProducts
{
    /// <summary>Tiles that <see cref="Multiply"/> does at once.</summary>
    static abstract int Rows { get; }

    /// <summary>Outputs that both do at once: whole vectors.</summary>
    static abstract int Panel { get; }

    /// <summary>Input channels that <see cref="Accumulate"/> does at once; divides the lanes.</summary>
    static abstract int Channels { get; }

    /// <summary>C = A B for <see cref="Rows"/> tiles and <see cref="Panel"/> outputs.</summary>
    /// <param name="a">The first of the tiles, in the first block.</param>
    /// <param name="blockOfA">Numbers from one block to the next.</param>
    /// <param name="b">(channels, panel).</param>
    /// <param name="c">The first of the tiles, in the first of the panel's blocks.</param>
    /// <param name="blockOfC">Numbers from one block to the next.</param>
    /// <param name="channels">To sum over.</param>
    static abstract void Multiply(float* a, long blockOfA, float* b, float* c, long blockOfC, int channels);

    /// <summary>C += A' B for <see cref="Channels"/> channels of A and <see cref="Panel"/> of B.</summary>
    /// <param name="a">The first of the channels, of the first tile.</param>
    /// <param name="b">The first of the panel's blocks, of the first tile.</param>
    /// <param name="blockOfB">Numbers from one block to the next.</param>
    /// <param name="c">(channels, panel): the first of the channels.</param>
    /// <param name="tiles">To sum over.</param>
    static abstract void Accumulate(float* a, float* b, long blockOfB, float* c, int tiles);
}
