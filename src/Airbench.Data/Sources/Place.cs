namespace Airbench.Data;

/// <summary>Class of a file and its side; a null side is for the hash to decide.</summary>
/// <param name="Class">In Unicode's form C, so that one name is one class however it is stored.</param>
/// <param name="Split">The side.</param>
internal readonly record struct Place(string Class, Split? Split);
