using System.Security.Cryptography;
using System.Text;

namespace Airbench;

/// <summary>SHA-256 as lower-case hexadecimal, the only hash in artifacts.</summary>
public static class Hash
{
    /// <summary>Of a file's bytes.</summary>
    /// <exception cref="InvalidFileException">It is no regular file.</exception>
    public static string OfFile(string path)
    {
        FileKind.Require(path);
        using var stream = System.IO.File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>Of a text's UTF-8 bytes.</summary>
    public static string OfText(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
