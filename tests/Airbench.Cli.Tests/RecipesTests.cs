using System.Globalization;
using System.Text.Json;

namespace Airbench.Tests;

/// <summary><c>airbench recipes</c>, as a person and as a program reads it.</summary>
public sealed class RecipesTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public void Every_recipe_has_an_aligned_row_and_its_description_on_lines_that_fit_a_terminal()
    {
        var (code, output, errors) = _place.Run("recipes");

        Assert.True(code == 0, errors);
        var lines = output.Split('\n').Select(line => line.TrimEnd('\r')).ToList();
        var header = lines[0];
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 120));
        Assert.InRange(header.Length, 1, 80);
        foreach (var recipe in Recipe.All.Values)
        {
            var row = lines.FindIndex(line => line.StartsWith($"{recipe.Name} ", StringComparison.Ordinal));
            Assert.True(row > 0, recipe.Name);
            Assert.Equal(header.Length, lines[row].Length);   // the last column is right-aligned
            Assert.Equal($"  {recipe.Description}", lines[row + 1].TrimEnd());
            Assert.Equal(recipe.TargetAccuracy.ToString("0%", CultureInfo.InvariantCulture), lines[row].Split(' ')[^1]);
        }
        Assert.Contains("--set train.with.recipe=", lines[^2], StringComparison.Ordinal);
    }

    [Fact]
    public void The_json_has_the_numbers_of_the_table_and_every_hyperparameter()
    {
        var (code, output, errors) = _place.Run("recipes", "--json");

        Assert.True(code == 0, errors);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(Recipe.All.Keys, json.RootElement.EnumerateArray().Select(entry => entry.GetProperty("name").GetString()));
        var airbench94 = json.RootElement[0];
        Assert.Equal(476, airbench94.GetProperty("steps").GetInt64());
        // 24 whitening filters and biases; 6 convolutions; 6 batch-norm biases; the head. No running statistics.
        Assert.Equal(
            (24 * 13) + (9 * ((24 * 64) + (64 * 64) + (64 * 256) + (3 * 256 * 256))) + (2 * 64) + (4 * 256) + 2560,
            airbench94.GetProperty("parameters").GetInt64());
        Assert.Equal(0.85, airbench94.GetProperty("recipe").GetProperty("momentum").GetDouble());
    }
}
