using Airbench.Cli;
using Airbench.Data;
using Airbench.Pipeline;
using CsCheck;

namespace Airbench.Tests;

/// <summary>What becomes the name of a folder, whatever a user calls images, pipelines and data sets.</summary>
public sealed class FolderNameTests
{
    private const string Seed = "0000000000001";

    // What a name on Linux may be: anything but a slash.
    private static readonly Gen<string> LinuxName = Gen.OneOf(
            "aux", "COM1", "nul", ".", " ", "photos", "a", ":", "?", "*", "\\", "|", "\"", "<", "\t", "\u732B", ".tar.gz", ".zip", "..x")
        .Array[1, 5].Select(string.Concat).Where(name => name is not ("." or ".."));

    [Fact]
    public void A_data_set_named_after_any_path_is_a_folder_on_every_system() =>
        Gen.Select(LinuxName, Gen.OneOf(DataSource.Folder, DataSource.Archive)).Sample((name, source) =>
        {
            var folder = Preparer.DatasetName(new PrepareOptions { Source = source, Path = $"/photos/{name}" });
            Assert.True(FileName.Problem(folder) is null, $"'{folder}' of '{name}': {FileName.Problem(folder)}");
        }, iter: 2000, seed: Seed);

    [Theory]
    [InlineData(DataSource.Folder, "/photos/aux", "_aux")]
    [InlineData(DataSource.Archive, "/photos/Con.tar.gz", "_Con")]
    [InlineData(DataSource.Archive, "/photos/cats: 2024?.zip", "cats_ 2024_")]
    [InlineData(DataSource.Folder, "/photos/cats. ", "cats")]
    [InlineData(DataSource.Folder, "/photos/. .", "folder")]
    public void What_Windows_does_not_take_of_a_path_is_adapted(DataSource source, string path, string expected) =>
        Assert.Equal(expected, Preparer.DatasetName(new PrepareOptions { Source = source, Path = path }));

    [Theory]
    [InlineData("aux")]
    [InlineData("photos.")]
    [InlineData("a:b")]
    [InlineData("a?")]
    public void A_name_that_is_given_and_that_Windows_does_not_take_is_refused(string name) =>
        Assert.StartsWith("name: found ", Assert.Single(PrepareOptions.Check(new PrepareOptions { Source = DataSource.Synthetic, Name = name })), StringComparison.Ordinal);

    [Fact]
    public void Init_names_a_pipeline_as_every_system_takes_it() =>
        LinuxName.Sample(name =>
        {
            var made = FolderName.For($"/photos/{name}", "/work");
            Assert.True(Names.Problem(made) is null && FileName.Problem(made) is null, $"'{made}' of '{name}'");
        }, iter: 500, seed: Seed);

    [Fact]
    public void A_name_of_a_pipeline_or_stage_is_a_folder_on_every_system() =>
        Gen.OneOf(Gen.OneOf("con", "lpt1", "nul.x", "com0"), Gen.OneOf("a", "-", "_", ".", "9")).Array[1, 6].Select(string.Concat)
            .Sample(name => Assert.True(Names.Problem(name) is not null || FileName.Problem(name) is null, name), iter: 2000, seed: Seed);
}
