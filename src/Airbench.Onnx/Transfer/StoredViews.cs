using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Airbench.Onnx;

/// <summary>
/// What the frozen part of a backbone makes of every view, computed once, in a temporary file that is then mapped into memory: the system keeps of it what
/// memory there is. It is written as a file, since a full disk is an error there, and kills the process that writes into a mapping.
/// </summary>
internal sealed unsafe class StoredViews : IViewSource
{
    /// <summary>Largest file.</summary>
    private const long MostBytes = 32L << 30;

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly float* _values;
    private readonly long[] _first;   // row of the first view of each image; its mirror image's follows where it is a test image
    private readonly long _rows;

    private StoredViews(MemoryMappedFile map, long[] first, long rows, int views, int width)
    {
        (_map, _first, _rows, Views, Width) = (map, first, rows, views, width);
        _view = map.CreateViewAccessor();
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _values = (float*)(start + _view.PointerOffset);
    }

    /// <inheritdoc/>
    public int Width { get; }

    /// <inheritdoc/>
    public int Views { get; }

    /// <summary>Computes them.</summary>
    /// <param name="extractor">The frozen part.</param>
    /// <param name="images">The images.</param>
    /// <param name="learned">Views of images that may be learned.</param>
    /// <param name="asked">Views of test images.</param>
    /// <param name="mirrors">Whether mirror images of test images are asked for.</param>
    /// <param name="progress">Told of every batch.</param>
    /// <param name="cancel">Answered between batches.</param>
    /// <exception cref="ConfigurationException">They are too many.</exception>
    public static StoredViews Compute(
        FeatureExtractor extractor, TransferImages images, ViewPlan learned, ViewPlan asked, bool mirrors, IProgress progress, CancellationToken cancel)
    {
        var views = images.TrainIndices.SelectMany(image => learned.Of(image).Select(view => (Image: image, View: view))).Concat(images.TestIndices.SelectMany(image =>
            asked.Of(image).Concat(mirrors ? [TrainingView.Whole(images.Size) with { Mirror = true }] : []).Select(view => (Image: image, View: view))));
        var rows = ((long)images.TrainCount * learned.Count) + ((long)images.Test.Count * (asked.Count + (mirrors ? 1 : 0)));
        var bytes = rows * extractor.Width * sizeof(float);
        if (bytes > MostBytes)
        {
            throw new ConfigurationException(FormattableString.Invariant(
                $"crops: {rows:N0} views would take {bytes / 1e9:0} GB on the disk; expected at most {MostBytes / 1e9:0}: fewer crops, or train: all, which keeps none"));
        }
        var first = new long[images.Count];
        for (var i = 1; i < first.Length; i++)
        {
            first[i] = first[i - 1] + (i <= images.TrainCount ? learned.Count : asked.Count + (mirrors ? 1 : 0));
        }
        // The mapping takes the file over and closes it.
        var file = new FileStream(
            Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        try
        {
            Fill(file.SafeFileHandle, extractor, images, views, rows, progress, cancel);
            return new StoredViews(
                MemoryMappedFile.CreateFromFile(file, null, bytes, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false), first, rows,
                learned.Count, extractor.Width);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void Fill(
        SafeFileHandle file, FeatureExtractor extractor, TransferImages images, IEnumerable<(int Image, TrainingView View)> views, long rows, IProgress progress,
        CancellationToken cancel)
    {
        var (bytes, width) = (3 * images.Size * images.Size, extractor.Width);
        var (pixels, values) = (new byte[FeatureExtractor.BatchSize * bytes], new float[FeatureExtractor.BatchSize * width]);
        using var task = progress.Start("frozen layers", rows, "views");
        var done = 0L;
        foreach (var batch in views.Chunk(FeatureExtractor.BatchSize))
        {
            cancel.ThrowIfCancellationRequested();
            foreach (var (i, (image, view)) in batch.Index())
            {
                view.Draw(images.Pixels(image), images.Size, pixels.AsSpan(i * bytes, bytes));
            }
            var found = values.AsSpan(0, batch.Length * width);
            extractor.Run(pixels.AsSpan(0, batch.Length * bytes), batch.Length, found);
            RandomAccess.Write(file, MemoryMarshal.AsBytes(found), done * width * sizeof(float));
            task.Report(done += batch.Length);
        }
    }

    /// <inheritdoc/>
    public void Read(int image, int view, Span<float> values)
    {
        var row = view == IViewSource.Mirror
            ? (image + 1 < _first.Length ? _first[image + 1] : _rows) - 1   // the last of its rows
            : _first[image] + view;
        new ReadOnlySpan<float>(_values + (row * Width), Width).CopyTo(values);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }
}
