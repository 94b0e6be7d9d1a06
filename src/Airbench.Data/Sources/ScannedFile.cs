namespace Airbench.Data;

/// <summary>An image file as a first look found it.</summary>
/// <param name="Path">Relative to the source.</param>
/// <param name="Hash">First 8 bytes of the SHA-256 of its content; null where it cannot be read.</param>
internal readonly record struct ScannedFile(string Path, ulong? Hash);
