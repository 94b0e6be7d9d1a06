using static Airbench.Report.Html;

namespace Airbench.Report;

/// <summary>
/// <c>report.html</c>: one run on one page that needs nothing beside it. It is a function of the run's folder, and of the images that the
/// run prepared and evaluated, for pictures and counts: the same files give the same page. Its size is bounded whatever the run was like: see
/// <see cref="Pictures.MostBytes"/>, <see cref="ClassTables.MostRows"/> and <see cref="ConfusionChart"/>.
/// </summary>
public static class RunPage
{
    /// <summary>Name of the file in the run's folder.</summary>
    public const string FileName = "report.html";

    /// <summary>Writes the page of the run in <paramref name="folder"/>, whole or not at all.</summary>
    /// <param name="folder">runs/&lt;pipeline&gt;/&lt;run&gt;.</param>
    /// <param name="picker">Makes pictures of what was evaluated.</param>
    /// <param name="path">Where to; null for <see cref="FileName"/> in that folder.</param>
    /// <returns>The file.</returns>
    /// <exception cref="DataException">It is not the folder of a run.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static string Write(string folder, IImagePicker picker, string? path = null)
    {
        var file = path ?? Path.Combine(folder, FileName);
        AtomicFolder.WriteFile(file, Render(folder, picker));
        return file;
    }

    /// <summary>The page of the run in <paramref name="folder"/>.</summary>
    /// <exception cref="DataException">It is not the folder of a run.</exception>
    public static string Render(string folder, IImagePicker picker)
    {
        var run = RunReader.Read(folder, picker);
        var evaluations = run.Evaluations.Where(evaluation => evaluation.IsFirst).ToList();
        return Page.Write($"{run.Title} – {Product.Name}",
            Overview.Of(run),
            Menu(run, evaluations),
            Timeline.Of(run),
            Accuracy.Of(run),
            evaluations.Select((evaluation, i) => EvaluationDetails.Of(evaluation, i + 1, evaluations.Count == 1)),
            DataSets.Of(run),
            Training.Of(run),
            Models.Variants(run),
            Usage.Of(run),
            Models.Benchmarks(run),
            Origin.Environment(run),
            Origin.Reproduce(run));
    }

    private static System.Xml.Linq.XElement Menu(Run run, List<EvaluationData> evaluations)
    {
        IEnumerable<(string Id, string Name)> entries =
        [
            .. Some("time", "What ran", run.Times.Count > 0 || run.Record is not null),
            .. Some("accuracy", "Accuracy", run.Evaluations.Count > 0),
            .. evaluations.Select((evaluation, i) => ($"evaluation-{i + 1}", evaluations.Count == 1 ? "Evaluation" : evaluation.Name)),
            .. Some("data", "Data", run.Datasets.Count > 0),
            .. Some("training", "Training", run.Models.Count > 0),
            .. Some("model", "Exported model", run.Bundles.Count > 0),
            .. Some("use", "Use this model", run.Bundles.Count > 0),
            .. Some("benchmark", "Benchmarks", run.Benchmarks.Count > 0),
            ("environment", "Environment"),
            ("reproduce", "Reproduce"),
        ];
        return Tag("nav", entries.Select(entry => Tag("a", Set("href", $"#{entry.Id}"), entry.Name)));

        static IEnumerable<(string, string)> Some(string id, string name, bool shown) => shown ? [(id, name)] : [];
    }
}
