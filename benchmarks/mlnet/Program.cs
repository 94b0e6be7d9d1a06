// The same photos, the same parts, by ML.NET: ResNet-18 features (DnnFeaturizeImage) and maximum entropy by L-BFGS, as its documentation puts them together.
//
// Usage: mlnet <folder of images> <out-of-fold.csv of `airbench train`> <answers.csv>
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

var (folder, parts, output) = (args[0], args[1], args[2]);
var images = File.ReadLines(parts).Skip(1).Select(line => line.Split(',')).Select(cells => new LabelledImage
{
    Path = Path.Combine(folder, cells[1]), Fold = int.Parse(cells[2], CultureInfo.InvariantCulture), Label = cells[3],
}).ToList();
var ml = new MLContext(seed: 1);
var clock = Stopwatch.StartNew();
var features = ml.Transforms.LoadImages("image", imageFolder: "", inputColumnName: nameof(LabelledImage.Path))
    .Append(ml.Transforms.ResizeImages("image", imageWidth: 224, imageHeight: 224, resizing: ImageResizingEstimator.ResizingKind.IsoCrop))
    .Append(ml.Transforms.ExtractPixels("pixels", "image"))
    .Append(ml.Transforms.DnnFeaturizeImage("features", model => model.ModelSelector.ResNet18(ml, model.OutputColumn, model.InputColumn), "pixels"))
    .Append(ml.Transforms.SelectColumns("features", nameof(LabelledImage.Label), nameof(LabelledImage.Fold), nameof(LabelledImage.Path)));
var all = ml.Data.LoadFromEnumerable(images);
var table = ml.Data.CreateEnumerable<Featured>(features.Fit(all).Transform(all), reuseRowObject: false).ToList();
var extracted = clock.Elapsed;
var answers = new Dictionary<string, string>();
var schema = SchemaDefinition.Create(typeof(Featured));
schema["features"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, table[0].Features.Length);
for (var fold = 0; fold <= table.Max(row => row.Fold); fold++)
{
    var trainer = ml.Transforms.Conversion.MapValueToKey("key", nameof(Featured.Label)).AppendCacheCheckpoint(ml)
        .Append(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy("key", "features"))
        .Append(ml.Transforms.Conversion.MapKeyToValue("answer", "PredictedLabel"));
    var model = trainer.Fit(ml.Data.LoadFromEnumerable(table.Where(row => row.Fold != fold), schema));
    var asked = ml.Data.LoadFromEnumerable(table.Where(row => row.Fold == fold), schema);
    foreach (var row in ml.Data.CreateEnumerable<Answered>(model.Transform(asked), reuseRowObject: false))
    {
        answers.Add(row.Path, row.Answer);
    }
}
var correct = images.Count(image => answers[image.Path] == image.Label);
File.WriteAllLines(output, images.Select(image => $"{image.Path},{image.Fold},{image.Label},{answers[image.Path]}").Prepend("path,fold,label,predicted"));
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"{correct} of {images.Count} right, {(double)correct / images.Count:0.0%}; features {extracted.TotalSeconds:0.0} s, all {clock.Elapsed.TotalSeconds:0.0} s"));

internal sealed class LabelledImage
{
    public string Path { get; set; } = "";

    public string Label { get; set; } = "";

    public int Fold { get; set; }
}

internal sealed class Featured
{
    public string Path { get; set; } = "";

    public string Label { get; set; } = "";

    public int Fold { get; set; }

    [ColumnName("features")]
    public float[] Features { get; set; } = [];
}

internal sealed class Answered
{
    public string Path { get; set; } = "";

    [ColumnName("answer")]
    public string Answer { get; set; } = "";
}
