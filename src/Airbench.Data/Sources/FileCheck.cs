using System.Security.Cryptography;

namespace Airbench.Data;

/// <summary>Compares a file with its published size and MD5.</summary>
internal static class FileCheck
{
    /// <summary>Null, or what is wrong, as the end of a sentence.</summary>
    public static string? Problem(string path, long bytes, string md5)
    {
        var length = FileLength.Of(path);
        if (length != bytes)
        {
            return $"it has {length:N0} bytes; expected {bytes:N0}";
        }
        using var stream = File.OpenRead(path);
#pragma warning disable CA5351 // MD5 is what the publisher states; it guards against accidents, not against forgery
        var found = Convert.ToHexStringLower(MD5.HashData(stream));
#pragma warning restore CA5351
        return found == md5 ? null : $"its md5 is {found}; expected {md5}";
    }
}
