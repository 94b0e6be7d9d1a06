using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Airbench.Onnx;

namespace Airbench.Tests;

/// <summary>confusion.svg: every count is in it, and it is bounded whatever the number of classes.</summary>
public sealed partial class ConfusionPictureTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(200)]
    [InlineData(201)]
    [InlineData(1000)]
    public void The_picture_is_bounded_whatever_the_number_of_classes(int classes)
    {
        // The worst case: no cell is empty.
        IReadOnlyList<int> row = [.. Enumerable.Range(1, classes)];
        var svg = new Confusion([.. Enumerable.Repeat(row, classes)], "test").Svg([.. Enumerable.Range(0, classes).Select(i => $"class {i}")]);
        Assert.True(svg.Length < 700_000, $"{svg.Length:N0} characters");
        var rows = classes <= 200 ? classes : (int)Math.Ceiling(classes / Math.Ceiling(classes / 100.0));
        Assert.Equal(rows * rows, XDocument.Parse(svg).Descendants().Attributes("d").Sum(path => Squares().Count(path.Value)));
    }

    [Fact]
    public void A_cell_has_its_count_and_stands_where_its_classes_do()
    {
        var drawing = XDocument.Parse(new Confusion([[7, 2, 0], [0, 5, 0], [1, 0, 8]], "test").Svg(["cat", "日本語の猫と犬と馬と鳥", "dog"])).Root!;
        var counts = drawing.Elements().Where(element => element.Name.LocalName == "text" && (string?)element.Attribute("text-anchor") == "middle").ToList();
        Assert.Equal(["7", "2", "5", "1", "8"], counts.Select(text => text.Value));
        Assert.Equal([0, 1, 1, 0, 2], counts.Select(text => (Number(text, "x") - 130) / 44));
        Assert.Equal([0, 0, 1, 2, 2], counts.Select(text => (Number(text, "y") - 130) / 44));
        Assert.Contains(drawing.Elements(), text => text.Value == "日本語の猫と犬…");
    }

    [Fact]
    public void Of_many_classes_neighbours_share_a_cell_and_what_that_hides_is_counted()
    {
        // 300 classes in blocks of 3: every class is once correct, once taken for its neighbour in the block, once for a class 150 further.
        const int classes = 300;
        var counts = Enumerable.Range(0, classes).Select(k =>
        {
            var row = new int[classes];
            (row[k], row[(k / 3 * 3) + ((k + 1) % 3)], row[(k + 150) % classes]) = (1, 1, 1);
            return (IReadOnlyList<int>)row;
        }).ToList();
        var drawing = XDocument.Parse(new Confusion(counts, "test").Svg([.. counts.Select((_, k) => $"{k}")])).Root!;
        Assert.Contains(drawing.Elements(), text => text.Value == "a cell: 3 x 3 of 300 classes; 300 mistakes between classes of one block are not drawn");
        Assert.Equal([100, 100], drawing.Elements().Where(element => element.Name.LocalName == "path").Select(path => Squares().Count((string)path.Attribute("d")!)));
    }

    private static int Number(XElement element, string name) => int.Parse((string)element.Attribute(name)!, CultureInfo.InvariantCulture);

    [GeneratedRegex("M")]
    private static partial Regex Squares();
}
