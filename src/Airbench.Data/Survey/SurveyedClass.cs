namespace Airbench.Data;

/// <summary>Readable images of a class.</summary>
/// <param name="Name">Its folder's name.</param>
/// <param name="Train">For training.</param>
/// <param name="Test">For testing.</param>
public sealed record SurveyedClass(string Name, int Train, int Test)
{
    /// <summary>All.</summary>
    public int Count => Train + Test;
}
