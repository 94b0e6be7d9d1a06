using System.Globalization;
using Airbench.Data;
using Spectre.Console;

namespace Airbench.Cli;

/// <summary>Prints what a survey found.</summary>
internal static class SurveyScreen
{
    private const int MostClasses = 20;

    public static void Print(ImageSurvey survey, string images)
    {
        Screen.Console.WriteLine($"{images}: {Counted.Of(survey.Count, "image")} in {Counted.Of(survey.Classes.Count, "class")}");
        var table = Screen.NewTable();
        table.AddColumn("class");
        table.AddColumn(new TableColumn("train").RightAligned().NoWrap());
        table.AddColumn(new TableColumn("test").RightAligned().NoWrap());
        table.AddColumn(new TableColumn("share").RightAligned().NoWrap());
        var shown = survey.Classes.Count > MostClasses ? survey.Classes.Take(MostClasses - 1) : survey.Classes;
        foreach (var entry in shown)
        {
            Row(entry.Name, entry.Train, entry.Test);
        }
        var rest = survey.Classes.Skip(shown.Count()).ToList();
        if (rest.Count > 0)
        {
            Row($"and {Number(rest.Count)} more", rest.Sum(c => c.Train), rest.Sum(c => c.Test));
        }
        Row("all", survey.TrainCount, survey.TestCount);
        Screen.Write(table);

        Screen.Console.WriteLine($"formats      {string.Join(", ", survey.Formats.Select(f => $"{Number(f.Count)} {f.Format}"))}");
        Screen.Console.WriteLine($"short side   {Text(survey.ShortSide)}");
        Screen.Console.WriteLine($"long side    {Text(survey.LongSide)}; {(survey.Sizes == 1 ? "all of one size" : $"{Number(survey.Sizes)} different sizes")}");
        Screen.Console.WriteLine($"test split   {(survey.TestFolder is { } folder ? $"the {folder}/ folder" : "no test/ folder: one image in five, chosen by content")}");
        Screen.Console.WriteLine($"duplicates   {(survey.Duplicates.Copies == 0 ? "none" : survey.Duplicates.Copies == 1 ? "1 exact copy" : $"{Number(survey.Duplicates.Copies)} exact copies")}");
        var sample = survey.Decoded < survey.Count ? $" (headers of all, {Number(survey.Decoded)} decoded in full)" : "";
        Screen.Console.WriteLine($"unreadable   {(survey.Broken.Count == 0 ? "none" : Number(survey.Broken.Count))}{sample}");

        void Row(string name, int train, int test) => table.AddRow(
            new Text(name), new Text(Number(train)), new Text(Number(test)),
            new Text(((double)(train + test) / (survey.TrainCount + survey.TestCount)).ToString("0%", CultureInfo.InvariantCulture)));
    }

    private static string Text(Spread spread) => spread.Min == spread.Max
        ? $"{Number(spread.Min)} pixels"
        : $"{Number(spread.Min)} to {Number(spread.Max)} pixels, median {Number(spread.Median)}";

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
