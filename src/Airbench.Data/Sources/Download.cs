using System.Net;
using System.Net.Http.Headers;

namespace Airbench.Data;

/// <summary>Fetches one file of known size and MD5. What arrived of it waits as <c>.part</c> and is continued the next time.</summary>
internal static class Download
{
    private const int Attempts = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);   // without a single byte

    /// <summary>Fetches <paramref name="url"/> to <paramref name="path"/>, which appears only when it is complete and verified.</summary>
    /// <exception cref="HttpRequestException">The server cannot be reached, refuses, or breaks off again and again.</exception>
    /// <exception cref="InvalidFileException">What came is not the expected file; it is deleted.</exception>
    public static async Task ToFileAsync(Uri url, string path, long bytes, string md5, IProgress progress, CancellationToken cancel)
    {
        var part = path + ".part";
        try
        {
            await FetchAsync(url, part, Path.GetFileName(path), bytes, progress, cancel).ConfigureAwait(false);
        }
        catch (HttpRequestException) when (FileLength.Of(part) == 0)
        {
            File.Delete(part);   // nothing to continue
            throw;
        }
        if (FileCheck.Problem(part, bytes, md5) is { } problem)
        {
            File.Delete(part);
            throw new InvalidFileException(
                path, $"was downloaded from {url}, but {problem}; the download is deleted. Try again, or fetch it by other means");
        }
        File.Move(part, path, overwrite: true);
    }

    /// <summary>Adds to <paramref name="part"/> what it lacks.</summary>
    private static async Task FetchAsync(Uri url, string part, string name, long bytes, IProgress progress, CancellationToken cancel)
    {
        using var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };   // the inactivity timeout below replaces it
        using var file = new FileStream(part, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        if (file.Length > bytes)
        {
            file.SetLength(0);
        }
        using var task = progress.Start($"download {name}", bytes, "bytes", done: file.Length);
        for (var attempt = 1; file.Length < bytes; attempt++)
        {
            try
            {
                await ContinueAsync(client, url, file, bytes, task, cancel).ConfigureAwait(false);
                if (file.Length < bytes)
                {
                    throw new HttpRequestException($"the connection ended after {file.Length:N0} of {bytes:N0} bytes");
                }
            }
            catch (Exception e) when (attempt < Attempts && IsBreak(e, cancel))
            {
                progress.Warn($"{url}: {e.Message}; continuing at byte {file.Length:N0}");
            }
            catch (Exception e) when (IsBreak(e, cancel))
            {
                throw e as HttpRequestException ?? new HttpRequestException(e.Message, e);
            }
        }
        file.Flush(flushToDisk: true);
    }

    private static bool IsBreak(Exception e, CancellationToken cancel) =>
        !cancel.IsCancellationRequested
        && e is IOException or TimeoutException or HttpRequestException { StatusCode: null or >= HttpStatusCode.InternalServerError };

    private static async Task ContinueAsync(
        HttpClient client, Uri url, FileStream file, long bytes, IProgressTask task, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            patience.CancelAfter(Patience);
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            if (file.Length > 0)
            {
                request.Headers.Range = new RangeHeaderValue(file.Length, null);
            }
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token)
                .ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                file.SetLength(0);
                throw new HttpRequestException("the server has a file of another length");
            }
            response.EnsureSuccessStatusCode();
            if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != file.Length)
            {
                file.SetLength(0);   // the server does not continue: from the beginning
            }
            file.Seek(0, SeekOrigin.End);
            using var content = await response.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
            var buffer = new byte[128 << 10];
            int read;
            do
            {
                patience.CancelAfter(Patience);
                var room = (int)Math.Min(buffer.Length, bytes + 1 - file.Length);   // one byte too many tells that it is another file
                read = await content.ReadAsync(buffer.AsMemory(0, room), patience.Token).ConfigureAwait(false);
                file.Write(buffer, 0, read);
                task.Report(file.Length);
            }
            while (read > 0 && file.Length <= bytes);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"no data arrived for {Patience.TotalSeconds:0} seconds");
        }
    }
}
