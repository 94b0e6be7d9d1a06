namespace Airbench;

/// <summary>One way of looking at an image.</summary>
/// <param name="Shift">Pixels by which both coordinates are read further on: -1 and 1 are the padded crops at (0,0) and (2,2).</param>
/// <param name="Mirror">Whether it is then flipped left-right.</param>
/// <param name="Weight">Share of the vote.</param>
public readonly record struct View(int Shift, bool Mirror, float Weight);
