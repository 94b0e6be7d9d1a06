using System.Runtime.InteropServices;

namespace Airbench;

/// <summary>
/// The CUDA libraries that ONNX Runtime's CUDA provider needs: CUDA 13 and cuDNN 9. An installed PyTorch for CUDA 13 has them, in folders that
/// the loader does not search. Loaded from there once, they are found by their names, and nobody sets <c>LD_LIBRARY_PATH</c>.
/// </summary>
/// <remarks>Names and order from the dynamic section of libonnxruntime_providers_cuda.so 1.31.0: each one only needs those before it.</remarks>
public static unsafe class CudaLibraries
{
    /// <summary>Environment variable that names the <c>lib</c> folder of an installed PyTorch.</summary>
    public const string LibtorchVariable = "AIRBENCH_LIBTORCH";

    /// <summary>What is needed, for messages.</summary>
    public const string Expected = "CUDA 13 and cuDNN 9";

    /// <summary>The driver's own library, which comes with the driver alone.</summary>
    public const string Driver = "libcuda.so.1";

    private static readonly string[] Names =
    [
        Driver, "libcudart.so.13", "libnvJitLink.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10", "libcufft.so.12", "libnvrtc.so.13",
        "libcudnn.so.9",
    ];

    private static readonly Lazy<IReadOnlyList<CudaLibrary>> Loaded = new(() => Load(Names, Folders()));

    /// <summary>Loads what is there, once. On other systems than Linux, where the loader searches by rules of its own, the list is empty.</summary>
    /// <returns>One row a library, in the order of loading.</returns>
    public static IReadOnlyList<CudaLibrary> Load() => OperatingSystem.IsLinux() ? Loaded.Value : [];

    /// <summary>The missing ones as a clause for a message, or "" where all are there.</summary>
    public static string DescribeMissing()
    {
        string[] missing = [.. Load().Where(library => !library.IsLoaded).Select(library => library.Name)];
        return missing.Length == 0 ? "" : $"not found: {string.Join(", ", missing)}";
    }

    /// <summary>What the loaded libraries say of themselves: "driver for CUDA 13.0, CUDA 13.0, cuDNN 9.13.0"; "" where none is loaded.</summary>
    public static string DescribeVersions() => string.Join(", ", Load().Select(Version).OfType<string>());

    /// <summary>"13.0" of 13000, as CUDA counts.</summary>
    internal static string CudaVersion(long number) => FormattableString.Invariant($"{number / 1000}.{number % 1000 / 10}");

    /// <summary>"9.13.0" of 91300, as cuDNN counts.</summary>
    internal static string CudnnVersion(long number) => FormattableString.Invariant($"{number / 10000}.{number % 10000 / 100}.{number % 100}");

    /// <remarks>By the library's name: a function of one is found through every other that needs it.</remarks>
    private static string? Version(CudaLibrary library)
    {
        var function = library.Name.Split('.')[0] switch
        {
            "libcuda" => "cuDriverGetVersion",
            "libcudart" => "cudaRuntimeGetVersion",
            "libcudnn" => "cudnnGetVersion",
            _ => null,
        };
        if (library.Path is null || function is null || !NativeLibrary.TryLoad(library.Path, out var handle) ||
            !NativeLibrary.TryGetExport(handle, function, out var address))
        {
            return null;
        }
        if (function == "cudnnGetVersion")
        {
            return $"cuDNN {CudnnVersion((long)((delegate* unmanaged<nuint>)address)())}";
        }
        int number;
        return ((delegate* unmanaged<int*, int>)address)(&number) == 0
            ? $"{(library.Name == Driver ? "driver for CUDA" : "CUDA")} {CudaVersion(number)}"
            : null;
    }

    /// <summary>Loads each of <paramref name="names"/> from the first of the folders that has it or, where none has, as the loader finds it.</summary>
    internal static IReadOnlyList<CudaLibrary> Load(IEnumerable<string> names, IReadOnlyList<string> folders) =>
        [.. names.Select(name => Load(name, folders))];

    private static CudaLibrary Load(string name, IReadOnlyList<string> folders)
    {
        var problem = "not found";
        foreach (var candidate in folders.Select(folder => Path.Combine(folder, name)).Where(File.Exists).Append(name))
        {
            try
            {
                NativeLibrary.Load(candidate);
                return new CudaLibrary(name, candidate, null);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                if (candidate != name)
                {
                    problem = e.Message;
                }
            }
        }
        return new CudaLibrary(name, null, problem);
    }

    /// <summary>Where PyTorch's wheels put CUDA: packages of their own beside torch, and torch's own folder.</summary>
    private static string[] Folders()
    {
        if (Environment.GetEnvironmentVariable(LibtorchVariable) is not { Length: > 0 } libtorch || !Directory.Exists(libtorch))
        {
            return [];
        }
        return [.. Packages(libtorch), libtorch];
    }

    /// <summary>Folders of libraries that PyTorch's wheels put beside torch, in the order of their names.</summary>
    /// <param name="libtorch">torch/lib.</param>
    public static IReadOnlyList<string> Packages(string libtorch)
    {
        var packages = Path.GetFullPath(Path.Combine(libtorch, "..", "..", "nvidia"));
        return Directory.Exists(packages)
            ? [.. Directory.EnumerateDirectories(packages).Select(package => Path.Combine(package, "lib")).Where(Directory.Exists).Order(StringComparer.Ordinal)]
            : [];
    }
}

/// <summary>One library that CUDA needs.</summary>
/// <param name="Name">The name that others ask for, for example "libcudnn.so.9".</param>
/// <param name="Path">Where it was loaded from: a path, or the name alone where the system's loader found it; null where it was not.</param>
/// <param name="Problem">Why it was not loaded, else null.</param>
public sealed record CudaLibrary(string Name, string? Path, string? Problem)
{
    /// <summary>Whether it is there.</summary>
    public bool IsLoaded => Path is not null;
}
