using System.Runtime.InteropServices;

namespace Airbench;

/// <summary>Native libraries on disk, found where the .NET host looks for them and without loading them.</summary>
public static class NativeLibraryFile
{
    /// <summary>What this system calls the file of a library: "torch_cpu" is libtorch_cpu.so, libtorch_cpu.dylib or torch_cpu.dll.</summary>
    public static string NameOf(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";

    /// <summary>Full path of <paramref name="library"/>, for example "libtorch_cpu.so"; null where it is not beside the program.</summary>
    public static string? Find(string library)
    {
        var host = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return host.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"))
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"))
            .Select(folder => Path.Combine(folder, library))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>What tells one build of a library from another at no cost: its length. "none" where <paramref name="path"/> is null.</summary>
    public static string Build(string? path) => path is null ? "none" : FormattableString.Invariant($"{FileLength.Of(path)} bytes");
}
