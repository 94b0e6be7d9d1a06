using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Airbench.Onnx;

/// <summary>
/// Features by what they are of: the backbone, whose hash names the file, and the pixels, whose hash is the key. Renamed, moved or newly divided
/// images are found again. A hash of each row's features tells a damaged row from a good one: a head fitted to zeros would be wrong without a sign of it.
/// </summary>
internal sealed class FeatureCache
{
    /// <summary>Folder in the user's cache.</summary>
    private const string FolderName = "features";

    /// <summary>Of one backbone.</summary>
    private const long MostBytes = 512L << 20;

    private const int KeyBytes = 16, CheckBytes = 8;

    private readonly string _file;
    private readonly int _width;
    private readonly IProgress _progress;
    private readonly Dictionary<UInt128, float[]> _rows = [];
    private readonly HashSet<UInt128> _used = [];
    private bool _hasNew;

    private FeatureCache(string file, int width, IProgress progress) => (_file, _width, _progress) = (file, width, progress);

    /// <summary>Has <paramref name="use"/> work with the features of a backbone that are known, and keeps those that it adds.</summary>
    /// <param name="backboneSha256">Of <c>backbone.onnx</c>.</param>
    /// <param name="width">Features F.</param>
    /// <param name="progress">Warned where they cannot be kept.</param>
    /// <param name="use">Asks and adds.</param>
    public static T Use<T>(string backboneSha256, int width, IProgress progress, Func<FeatureCache, T> use) => UserCache.Use(folder =>
    {
        var place = Directory.CreateDirectory(Path.Combine(folder, FolderName)).FullName;
        var cache = new FeatureCache(Path.Combine(place, $"{backboneSha256}.safetensors"), width, progress);
        cache.Load();
        try
        {
            return use(cache);
        }
        finally
        {
            cache.Save();   // also what was computed before a stop
        }
    });

    /// <summary>Key of an image's pixels.</summary>
    public static UInt128 KeyOf(ReadOnlySpan<byte> pixels) => XxHash128.HashToUInt128(pixels);

    /// <summary>Copies the features of the pixels with this key; false where they are not known.</summary>
    public bool TryGet(UInt128 key, Span<float> features)
    {
        _used.Add(key);
        if (_rows.GetValueOrDefault(key) is not { } row)
        {
            return false;
        }
        row.CopyTo(features);
        return true;
    }

    /// <summary>Keeps features.</summary>
    public void Add(UInt128 key, ReadOnlySpan<float> features)
    {
        _rows[key] = features.ToArray();
        _hasNew = true;
    }

    private static ulong CheckOf(ReadOnlySpan<float> features) => XxHash64.HashToUInt64(MemoryMarshal.AsBytes(features));

    /// <summary>A file that is not as it should be counts as none, and so does a row: everything can be computed again.</summary>
    private void Load()
    {
        if (!File.Exists(_file))
        {
            return;
        }
        try
        {
            using var file = TensorFile.Open(_file);
            var keys = MemoryMarshal.Cast<byte, UInt128>(file.Read<byte>(file.Require("keys", TensorType.U8, -1, KeyBytes)));
            var features = file.Read<float>(file.Require("features", TensorType.F32, keys.Length, _width));
            var checks = MemoryMarshal.Cast<byte, ulong>(file.Read<byte>(file.Require("checks", TensorType.U8, keys.Length, CheckBytes)));
            for (var i = 0; i < keys.Length; i++)
            {
                var row = features.Slice(i * _width, _width);
                if (CheckOf(row) == checks[i])
                {
                    _rows[keys[i]] = row.ToArray();
                }
            }
        }
        catch (InvalidFileException)
        {
            _rows.Clear();
        }
    }

    /// <summary>Without room for it, or the right to write, the next training computes again; that is no reason to lose this one.</summary>
    private void Save()
    {
        if (!_hasNew)
        {
            return;
        }
        var written = $"{_file}.{Environment.ProcessId}";
        try
        {
            File.Delete(written);
            Write(written);
            File.Move(written, _file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(written);
            _progress.Warn($"the features are not kept for the next training: {e.Message}; {UserCache.Variable} names another folder");
        }
    }

    /// <summary>Those that were asked for, then as many others as fit.</summary>
    private void Write(string file)
    {
        var most = (int)(MostBytes / (KeyBytes + CheckBytes + (_width * sizeof(float))));
        UInt128[] keys = [.. _rows.Keys.OrderBy(key => _used.Contains(key) ? 0 : 1).Take(most)];
        using var writer = new TensorFileWriter(file);
        writer.Begin("keys", TensorType.U8, KeyBytes);
        writer.Append<UInt128>(keys);
        writer.Begin("features", TensorType.F32, _width);
        foreach (var key in keys)
        {
            writer.Append<float>(_rows[key]);
        }
        writer.Begin("checks", TensorType.U8, CheckBytes);
        writer.Append<ulong>(Array.ConvertAll(keys, key => CheckOf(_rows[key])));
        writer.Finish();
    }
}
