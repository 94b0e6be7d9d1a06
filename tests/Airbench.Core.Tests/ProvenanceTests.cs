namespace Airbench.Tests;

public sealed class ProvenanceTests
{
    /// <summary>A build from a download without .git knows no commit; what it exports must open again.</summary>
    [Theory]
    [InlineData("0123abc")]
    [InlineData(null)]
    public void It_is_read_as_it_was_written_with_and_without_a_commit(string? commit)
    {
        using var folder = new TemporaryFolder();
        var provenance = new Provenance("cpu, bf16", new Dictionary<string, string> { ["libtorch"] = "2.10.0" }) { Commit = commit };
        var file = folder.Write("provenance.json", System.Text.Encoding.UTF8.GetBytes(Json.Write(provenance)));

        var read = Json.Read<Provenance>(file);

        Assert.Equal((commit, "cpu, bf16"), (read.Commit, read.TrainedOn));
        Assert.Equal(provenance.Versions, read.Versions);
    }
}
