using System.Net;
using System.Security.Cryptography;
using System.Text;
using Airbench.Data;

namespace Airbench.Tests;

/// <summary>On small archives of the original layout, whose size and MD5 stand in for the published ones.</summary>
public sealed class CifarTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly RecordedProgress _progress = new();

    private string DataRoot => _root.File("data");
    private string Target => _root.File("data/" + CifarSet.Cifar10.FileName);

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Cifar10_comes_out_in_the_order_of_its_files_with_the_usual_constants()
    {
        var archive = Cifar10Archive();
        _root.Write("data/" + CifarSet.Cifar10.FileName, archive);
        var set = Facts(CifarSet.Cifar10, archive);
        var source = CifarImages.Open(set, Locate(set), long.MaxValue, _progress, default);
        var dataset = Preparer.Write(source, new PrepareOptions(), _root.File("data/cifar10"), _progress, default);

        Assert.Equal(["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"], dataset.Manifest.Classes);
        Assert.Equal([0.4914, 0.4822, 0.4465], dataset.Manifest.Mean);
        Assert.Equal([0.2470, 0.2435, 0.2616], dataset.Manifest.Std);
        using var train = dataset.OpenSplit(Split.Train);
        using var test = dataset.OpenSplit(Split.Test);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 0], train.Labels);
        Assert.Equal("data_batch_1.bin#0", train.ReadPaths()[0]);
        Assert.Equal("data_batch_5.bin#1", train.ReadPaths()[9]);
        Assert.Equal(TestImages.Planar(5001), train.Images(9, 1).ToArray());
        Assert.Equal([6, 7], test.Labels);
        Assert.Equal(TestImages.Planar(6000), test.Images(0, 1).ToArray());
    }

    [Fact]
    public void Cifar100_takes_the_fine_labels_and_its_own_statistics()
    {
        byte[] Records(int seed) =>
            [.. Enumerable.Range(0, 100).SelectMany(i => (byte[])[(byte)(i / 5), (byte)i, .. TestImages.Planar(seed + i)])];
        var names = string.Join('\n', Enumerable.Range(0, 100).Select(i => $"class_{i}")) + "\n";
        var archive = Archives.Gzip(Archives.Tar([
            ("cifar-100-binary/", []),
            ("cifar-100-binary/coarse_label_names.txt", "x\n"u8.ToArray()),
            ("cifar-100-binary/fine_label_names.txt", Encoding.ASCII.GetBytes(names)),
            ("cifar-100-binary/test.bin", Records(1000)),
            ("cifar-100-binary/train.bin", Records(0)),
        ]));
        var source = CifarImages.Open(CifarSet.Cifar100, _root.Write("c.tar.gz", archive), long.MaxValue, _progress, default);
        var dataset = Preparer.Write(
            source, new PrepareOptions { Source = DataSource.Cifar100 }, _root.File("data/cifar100"), _progress, default);

        Assert.Equal("class_7", dataset.Manifest.Classes[7]);
        Assert.All(dataset.Manifest.Mean, m => Assert.InRange(m, 0.49, 0.51));   // of uniform noise
        using var train = dataset.OpenSplit(Split.Train);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), train.Labels);
        Assert.Equal(TestImages.Planar(42), train.Images(42, 1).ToArray());
    }

    [Fact]
    public void Another_image_size_is_resized_to()
    {
        var source = CifarImages.Open(CifarSet.Cifar10, _root.Write("c.tar.gz", Cifar10Archive()), long.MaxValue, _progress, default);
        var dataset = Preparer.Write(source, new PrepareOptions { ImageSize = 16 }, _root.File("data/cifar10"), _progress, default);
        using var train = dataset.OpenSplit(Split.Train);
        Assert.Equal(16, train.ImageSize);
    }

    [Theory]
    [InlineData("data_batch_3.bin", "has 3000 bytes; expected a multiple of 3073")]
    [InlineData("test_batch.bin", "record 1 has label 10; expected 0 to 9")]
    [InlineData("batches.meta.txt", "names 3 classes; expected 10")]
    [InlineData("data_batch_2.bin", "lacks data_batch_2.bin")]
    public void Malformed_contents_are_refused(string file, string problem)
    {
        byte[]? bad = file switch
        {
            "data_batch_3.bin" => new byte[3000],
            "test_batch.bin" => [0, .. new byte[3072], 10, .. new byte[3072]],
            "batches.meta.txt" => "a\nb\n\nc\n\n"u8.ToArray(),
            _ => null,
        };
        var path = _root.Write("c.tar.gz", Cifar10Archive((file, bad)));
        var error = Assert.Throws<InvalidFileException>(() => CifarImages.Open(CifarSet.Cifar10, path, long.MaxValue, _progress, default));
        Assert.Contains(file, error.Message);
        Assert.Contains(problem, error.Message);
    }

    [Fact]
    public void It_is_looked_for_at_the_explicit_path_then_in_data_then_at_AIRBENCH_DATA()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive);
        var elsewhere = _root.Write("elsewhere/" + set.FileName, archive);
        var renamed = _root.Write("renamed.tgz", archive);

        Assert.Equal(elsewhere, Locate(set, f => f with { AirbenchData = _root.File("elsewhere") }));
        Assert.Equal(renamed, Locate(set, f => f with { AirbenchData = renamed }));
        _root.Write("data/" + set.FileName, archive);
        Assert.Equal(Target, Locate(set, f => f with { AirbenchData = _root.File("elsewhere") }));
        Assert.Equal(renamed, Locate(set, f => f with { ExplicitPath = renamed }));
        Assert.Equal(elsewhere, Locate(set, f => f with { ExplicitPath = _root.File("elsewhere") }));
    }

    [Fact]
    public void A_file_of_another_size_or_md5_is_refused()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive);
        _root.Write("data/" + set.FileName, [.. archive, 0]);
        var error = Assert.Throws<InvalidFileException>(() => Locate(set));
        Assert.Contains($"it has {archive.Length + 1:N0} bytes; expected {archive.Length:N0}", error.Message);

        archive[20] ^= 1;
        _root.Write("data/" + set.FileName, archive);
        Assert.Contains($"expected {set.Md5}", Assert.Throws<InvalidFileException>(() => Locate(set)).Message);
    }

    [Fact]
    public void Where_it_is_missing_the_error_says_which_file_to_put_where()
    {
        var error = Assert.Throws<DataException>(
            () => Locate(CifarSet.Cifar10, f => f with { MayDownload = false, AirbenchData = _root.File("env") }));
        foreach (var part in new[]
        {
            Target, _root.File("env"), "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "170,052,171 bytes", "c32a1d4ab5d03f1284b67883e8d87530", "--demo",
        })
        {
            Assert.Contains(part, error.Message);
        }
        Assert.Contains(
            _root.File("x"), Assert.Throws<DataException>(() => Locate(CifarSet.Cifar10, f => f with { ExplicitPath = _root.File("x") })).Message);
    }

    [Fact]
    public void Offline_the_error_says_why_and_what_to_do()
    {
        using var server = new FileServer([]);
        var url = server.Url;
        server.Dispose();   // nobody listens there any more
        var error = Assert.Throws<DataException>(() => Locate(CifarSet.Cifar10, f => f with { BaseUrl = url }));
        Assert.Contains("The download failed", error.Message);
        Assert.Contains($"at {Target}", error.Message);
        Assert.Contains("--demo", error.Message);
        Assert.False(File.Exists(Target + ".part"));
    }

    [Fact]
    public void It_is_downloaded_checked_and_found_the_next_time()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive);
        using var server = new FileServer(archive);
        Assert.Equal(Target, Locate(set, f => f with { BaseUrl = server.Url }));
        Assert.Equal(Target, Locate(set, f => f with { BaseUrl = server.Url }));
        Assert.Equal(archive, File.ReadAllBytes(Target));
        Assert.Equal([$"GET /{set.FileName} "], server.Requests);
        Assert.Equal([Target], Directory.GetFiles(DataRoot));
        Assert.Equal(archive.Length, Assert.Single(_progress.Tasks).Last);
    }

    [Fact]
    public void A_partial_download_is_continued()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive);
        _root.Write($"data/{set.FileName}.part", archive.AsSpan(0, 1000));
        using var server = new FileServer(archive);
        Locate(set, f => f with { BaseUrl = server.Url });
        Assert.Equal(archive, File.ReadAllBytes(Target));
        Assert.Equal([$"GET /{set.FileName} bytes=1000-"], server.Requests);
        Assert.Equal(1000, Assert.Single(_progress.Tasks).Done);   // not of this download
        Assert.True(_progress.Tasks[0].First > 1000);
    }

    [Fact]
    public void A_connection_that_breaks_is_continued_where_it_broke()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive);
        using var server = new FileServer(archive) { BreakFirstAt = 2000 };
        Locate(set, f => f with { BaseUrl = server.Url });
        Assert.Equal(archive, File.ReadAllBytes(Target));
        Assert.Equal(2, server.Requests.Count);
        Assert.Matches("bytes=[0-9]+-$", server.Requests[1]);
        Assert.Single(_progress.Warnings);
    }

    [Fact]
    public void A_server_that_does_not_continue_is_read_from_the_beginning()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive);
        _root.Write($"data/{set.FileName}.part", "something else entirely"u8);
        using var server = new FileServer(archive) { HonoursRanges = false };
        Locate(set, f => f with { BaseUrl = server.Url });
        Assert.Equal(archive, File.ReadAllBytes(Target));
    }

    [Fact]
    public void A_download_with_a_wrong_md5_is_deleted_and_refused()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive) with { Md5 = new string('0', 32) };
        using var server = new FileServer(archive);
        var error = Assert.Throws<InvalidFileException>(() => Locate(set, f => f with { BaseUrl = server.Url }));
        Assert.Contains("expected 00000000", error.Message);
        Assert.Empty(Directory.GetFiles(DataRoot));
    }

    [Fact]
    public void A_longer_file_than_promised_is_not_downloaded_to_its_end()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive) with { Bytes = 5000 };
        using var server = new FileServer(archive);
        var error = Assert.Throws<InvalidFileException>(() => Locate(set, f => f with { BaseUrl = server.Url }));
        Assert.Contains("it has 5,001 bytes; expected 5,000", error.Message);
    }

    [Fact]
    public void A_refusal_of_the_server_is_reported_at_once()
    {
        using var server = new FileServer([]) { Status = 404 };
        var error = Assert.Throws<DataException>(() => Locate(CifarSet.Cifar10, f => f with { BaseUrl = server.Url }));
        Assert.Contains("404", error.Message);
        Assert.Single(server.Requests);
    }

    [Fact]
    public void A_cancelled_download_keeps_what_it_has()
    {
        var archive = Cifar10Archive();
        var set = Facts(CifarSet.Cifar10, archive);
        _root.Write($"data/{set.FileName}.part", archive.AsSpan(0, 1000));
        using var server = new FileServer(archive);
        Assert.ThrowsAny<OperationCanceledException>(
            () => Locate(set, f => f with { BaseUrl = server.Url }, new CancellationToken(canceled: true)));
        Assert.Equal(1000, new FileInfo(Target + ".part").Length);
        Assert.False(File.Exists(Target));
    }

    private string Locate(CifarSet set, Func<CifarFile, CifarFile>? change = null, CancellationToken cancel = default)
    {
        var file = new CifarFile(set, DataRoot) { BaseUrl = new Uri("http://127.0.0.1:9/") };   // the discard port: nothing listens
        if (change is null)
        {
            file = file with { MayDownload = false };
        }
        if (ReferenceEquals(set, CifarSet.Cifar10))
        {
            file = file with { BaseUrl = CifarSet.HomePage };
        }
        return (change?.Invoke(file) ?? file).Locate(_progress, cancel);
    }

    private static CifarSet Facts(CifarSet set, byte[] archive) =>
#pragma warning disable CA5351 // the publisher's choice
        set with { Bytes = archive.Length, Md5 = Convert.ToHexStringLower(MD5.HashData(archive)) };
#pragma warning restore CA5351

    /// <summary>Two records a file, files in no order; one of them may be replaced, or left out where its content is null.</summary>
    private static byte[] Cifar10Archive(params (string Name, byte[]? Content)[] replaced)
    {
        (string Name, byte[]? Content)[] files =
        [
            ("data_batch_4.bin", Batch(4)), ("readme.html", "<html>"u8.ToArray()),
            ("test_batch.bin", Batch(6)), ("data_batch_3.bin", Batch(3)),
            ("batches.meta.txt", "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"u8.ToArray()),
            ("data_batch_2.bin", Batch(2)), ("data_batch_5.bin", Batch(5)), ("data_batch_1.bin", Batch(1)),
        ];
        var chosen = files
            .Select(f => replaced.FirstOrDefault(r => r.Name == f.Name) is { Name: not null } r ? r : f)
            .Where(f => f.Content is not null);
        return Archives.Gzip(
            Archives.Tar([("cifar-10-batches-bin/", []), .. chosen.Select(f => ("cifar-10-batches-bin/" + f.Name, f.Content!))]));

        // Batches 1 to 5 hold labels 1, 2 | 3, 4 | ... | 9, 0; batch 6, the test, 6 and 7.
        static byte[] Batch(int n)
        {
            var first = n == 6 ? 6 : (2 * n) - 1;
            return [(byte)first, .. TestImages.Planar(n * 1000), (byte)((first + 1) % 10), .. TestImages.Planar((n * 1000) + 1)];
        }
    }

    /// <summary>Serves one file at any path of a port of this machine.</summary>
    private sealed class FileServer : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly byte[] _content;
        private bool _disposed;

        public FileServer(byte[] content)
        {
            _content = content;
            (Url, _listener) = Listen();
            _ = Task.Run(ServeAsync);
        }

        public Uri Url { get; }
        public List<string> Requests { get; } = [];
        public bool HonoursRanges { get; init; } = true;
        public int BreakFirstAt { get; set; }
        public int Status { get; init; } = 200;

        public void Dispose()
        {
            if (!_disposed)
            {
                _disposed = true;
                _listener.Close();
            }
        }

        private static (Uri, HttpListener) Listen()
        {
            while (true)
            {
                var url = $"http://127.0.0.1:{Random.Shared.Next(20_000, 60_000)}/";   // HttpListener cannot choose a free port itself
                var listener = new HttpListener { Prefixes = { url } };
                try
                {
                    listener.Start();
                    return (new Uri(url), listener);
                }
                catch (HttpListenerException)
                {
                    listener.Close();
                }
            }
        }

        private async Task ServeAsync()
        {
            while (!_disposed)
            {
                try
                {
                    Serve(await _listener.GetContextAsync());
                }
                catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException or InvalidOperationException)
                {
                    // the client went away, or the test is over
                }
            }
        }

        private void Serve(HttpListenerContext context)
        {
            var range = context.Request.Headers["Range"] ?? "";
            Requests.Add($"{context.Request.HttpMethod} {context.Request.RawUrl} {range}");
            var response = context.Response;
            response.StatusCode = Status;
            var from = 0;
            if (range.Length > 0 && HonoursRanges)
            {
                from = int.Parse(range["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture);
                response.StatusCode = 206;
                response.AddHeader("Content-Range", $"bytes {from}-{_content.Length - 1}/{_content.Length}");
            }
            response.ContentLength64 = _content.Length - from;
            if (BreakFirstAt > 0)
            {
                response.OutputStream.Write(_content, from, BreakFirstAt);
                response.OutputStream.Flush();
                BreakFirstAt = 0;
                response.Abort();
                return;
            }
            response.OutputStream.Write(_content, from, _content.Length - from);
            response.Close();
        }
    }
}
