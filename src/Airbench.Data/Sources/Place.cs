namespace Airbench.Data;

/// <summary>Class of a file and its side; a null side is for the hash to decide.</summary>
internal readonly record struct Place(string Class, Split? Split);
