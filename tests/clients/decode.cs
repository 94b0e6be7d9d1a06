// What the C# sample of a bundle makes of image files: SIZE FILE... The test puts the sample's own packages and modules above this.
// Prints a line of JSON for each file: its pixels as the model takes them, planar RGB in base64, by crop, pad and stretch one after the other, or why it is refused.
foreach (var file in args[1..])
{
    string answer;
    try
    {
        var picture = Images.Decode(File.ReadAllBytes(file));
        var planar = ((string[])["crop", "pad", "stretch"]).SelectMany(fit =>
        {
            var (width, height, pixels) = picture.Fit(int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture), fit);
            return Enumerable.Range(0, pixels.Length).Select(i => pixels[(i % (width * height) * 3) + (i / (width * height))]);
        });
        answer = $"\"pixels\":\"{Convert.ToBase64String([.. planar])}\"";
    }
    catch (NotReadException e)
    {
        answer = $"\"error\":\"{System.Text.Json.JsonEncodedText.Encode(e.Message)}\"";
    }
    Console.WriteLine($"{{\"file\":\"{System.Text.Json.JsonEncodedText.Encode(file)}\",{answer}}}");
}
