using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace Airbench.Training;

/// <summary>How TorchSharp's native libraries were loaded.</summary>
/// <param name="Folder">Folder of libtorch.</param>
/// <param name="Remedy">What was done to make them load, or null where they load as shipped.</param>
/// <param name="LargeBlocksKept">Whether the C allocator keeps large blocks instead of returning them at once.</param>
public sealed record TorchStatus(string Folder, string? Remedy, bool LargeBlocksKept);

/// <summary>Loads libtorch and TorchSharp's bridge before the first use of <c>torch</c>, with the remedy that older Linux systems need.</summary>
public static partial class TorchRuntime
{
    /// <summary>Environment variable that names the <c>lib</c> folder of an installed PyTorch.</summary>
    public const string LibtorchVariable = CudaLibraries.LibtorchVariable;

    private static readonly string Bridge = NativeLibraryFile.NameOf("LibTorchSharp");
    private static readonly string Libtorch = NativeLibraryFile.NameOf("torch_cpu");
    private static readonly Lazy<TorchStatus> Status = new(LoadOnce);

    /// <summary>Loads the libraries once; later calls return the same status.</summary>
    /// <exception cref="DeviceException">They cannot be loaded; the message says which one, why and what to do.</exception>
    public static TorchStatus Load() => Status.Value;

    /// <summary>Loads the libraries, and sets the number of libtorch's threads.</summary>
    /// <param name="threads">0 leaves it as it is.</param>
    /// <exception cref="DeviceException">They cannot be loaded.</exception>
    internal static void LoadWith(int threads)
    {
        Load();
        if (threads > 0)
        {
            torch.set_num_threads(threads);
        }
    }

    /// <summary>Threads that libtorch will have, as far as that is known without loading it.</summary>
    /// <param name="threads">As the options say; 0 leaves it to libtorch.</param>
    public static string ThreadsOf(int threads) =>
        threads > 0 ? FormattableString.Invariant($"{threads}")
        : Environment.GetEnvironmentVariable("OMP_NUM_THREADS") ?? FormattableString.Invariant($"{Environment.ProcessorCount}");

    /// <summary>Version of the loaded libtorch, for example "2.10.0". TorchSharp's <c>__version__</c> is the one that it was compiled for.</summary>
    /// <exception cref="DeviceException">It does not load.</exception>
    public static unsafe string LibtorchVersion =>
        FindExport("aoti_torch_abi_version") is { } version ? VersionText(((delegate* unmanaged<ulong>)version)()) : torch.__version__;

    /// <summary>A function of the loaded libtorch, or null where it has none of this name.</summary>
    /// <param name="name">As in its symbol table.</param>
    /// <param name="library">Which of its libraries: "torch_cpu".</param>
    /// <exception cref="DeviceException">It does not load.</exception>
    internal static nint? FindExport(string name, string library = "torch_cpu")
    {
        var path = Path.Combine(Load().Folder, NativeLibraryFile.NameOf(library));
        return NativeLibrary.TryLoad(path, out var handle) && NativeLibrary.TryGetExport(handle, name, out var address) ? address : null;
    }

    /// <summary>libtorch's ABI version, a byte each for major, minor and patch from the top.</summary>
    internal static string VersionText(ulong version) => FormattableString.Invariant($"{version >> 56}.{version >> 48 & 0xFF}.{version >> 40 & 0xFF}");

    /// <summary>Versions of the program and of the packages that do its arithmetic, for artifacts.</summary>
    internal static IReadOnlyDictionary<string, string> Versions => new Dictionary<string, string>
    {
        [Product.Name] = Product.Version,
        ["TorchSharp"] = typeof(torch).Assembly.GetName().Version!.ToString(3),
        ["libtorch"] = LibtorchVersion,
        ["dotnet"] = Environment.Version.ToString(),
    };

    /// <summary>Tells one build of libtorch from another, without loading it.</summary>
    public static string LibtorchBuild => NativeLibraryFile.Build(
        Environment.GetEnvironmentVariable(LibtorchVariable) is { Length: > 0 } named
        && Path.Combine(named, Libtorch) is var external && File.Exists(external)
            ? external
            : NativeLibraryFile.Find(Libtorch));

    private static TorchStatus LoadOnce()
    {
        var kept = false;
        if (OperatingSystem.IsLinux())
        {
            LibtorchEnvironment.SetDefaults();
            kept = GlibcAllocator.KeepLargeBlocks();   // before the first tensor
        }
        var folder = FindLibtorch();
        foreach (var library in (string[])["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"])
        {
            var path = Path.Combine(folder, NativeLibraryFile.NameOf(library));
            if (File.Exists(path))
            {
                LoadLibrary(path);
            }
        }
        var remedy = LoadBridge(NativeLibraryFile.Find(Bridge) ?? throw Missing(Bridge, "rebuild: dotnet build -c Release"));
        torch.InitializeDeviceType(DeviceType.CPU);
        return new TorchStatus(folder, remedy, kept);
    }

    private static string FindLibtorch()
    {
        if (Environment.GetEnvironmentVariable(LibtorchVariable) is { Length: > 0 } named)
        {
            return File.Exists(Path.Combine(named, Libtorch))
                ? Path.GetFullPath(named)
                : throw new DeviceException(
                    $"{LibtorchVariable} is '{named}', where there is no {Libtorch}; expected the lib folder of a PyTorch 2.10 installation: " +
                    "python3 -c \"import torch, os; print(os.path.join(torch.__path__[0], 'lib'))\"");
        }
        var bundled = NativeLibraryFile.Find(Libtorch) ?? throw Missing(
            Libtorch,
            $"build with -p:Backend=cpu, or name an installed PyTorch's lib folder in {LibtorchVariable}");
        return Path.GetDirectoryName(bundled)!;
    }

    private static DeviceException Missing(string library, string remedy) =>
        new($"{library} is not beside the program ({AppContext.BaseDirectory}); {remedy}");

    private static nint LoadLibrary(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new DeviceException($"{path} does not load: {e.Message}", e);
        }
    }

    /// <summary>Loads TorchSharp's bridge as shipped or, where only a too old libstdc++ stands against it, a patched copy.</summary>
    private static string? LoadBridge(string path)
    {
        try
        {
            NativeLibrary.Load(path);
            return null;
        }
        catch (DllNotFoundException e) when (MissingLibstdcxxVersion().Match(e.Message) is { Success: true } missing)
        {
            var version = missing.Groups[1].Value;
            var patched = LoadPatchedCopy(path, version);
            return $"{Bridge} asks for {version}, newer than this system's libstdc++, but calls nothing from it: loaded a copy that does not ask ({patched})";
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new DeviceException($"{path} does not load: {e.Message}", e);
        }
    }

    private static string LoadPatchedCopy(string path, string version)
    {
        byte[] patched;
        try
        {
            patched = ElfVersionPatch.MakeWeak(File.ReadAllBytes(path), version);
        }
        catch (FormatException e)
        {
            throw new DeviceException(
                $"{path} needs {version}, which this system's libstdc++ lacks, and cannot be patched: {e.Message}. Use a system with GCC 13's libstdc++.", e);
        }
        try
        {
            return UserCache.Use(folder =>
            {
                var copy = Path.Combine(folder, Bridge);
                if (!File.Exists(copy) || !File.ReadAllBytes(copy).AsSpan().SequenceEqual(patched))
                {
                    AtomicFolder.WriteFile(copy, stream => stream.Write(patched));
                }
                LoadLibrary(copy);   // TorchSharp's own load by bare name then finds it by its SONAME, also where the file is gone again
                return copy;
            });
        }
        catch (IOException e)
        {
            throw new DeviceException($"{Bridge} needs a copy that fits this system's libstdc++, and there is no place for it: {e.Message}", e);
        }
    }

    [GeneratedRegex(@"version `(GLIBCXX_[0-9.]+)' not found")]
    private static partial Regex MissingLibstdcxxVersion();
}
