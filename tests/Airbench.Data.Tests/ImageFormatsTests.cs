using System.Text;
using Airbench.Data;

namespace Airbench.Tests;

public sealed class ImageFormatsTests
{
    [Theory]
    [InlineData("FFD8FFE0", "JPEG")]
    [InlineData("89504E470D0A1A0A", "PNG")]
    [InlineData("524946460000000057454250", "WebP")]
    [InlineData("424D000000000000000000000000280000000000", "BMP")]
    [InlineData("474946383761", "GIF")]
    [InlineData("474946383961", "GIF")]
    [InlineData("000001000100", "ICO")]
    [InlineData("49492A0008000000", "TIFF")]
    [InlineData("4D4D002A00000008", "TIFF")]
    [InlineData("49492B0008000000", "TIFF")]
    [InlineData("0000001C66747970686569630000000068656963", "HEIC")]
    [InlineData("00000018667479706D6966310000000061766966", "AVIF")]
    [InlineData("00000018667479706D6966310000000068656963", "HEIC")]
    [InlineData("0000001C66747970617669660000000061766966", "AVIF")]
    [InlineData("0000001466747970637278200000000063727820", "raw photo")]
    [InlineData("00000014667479706D70343200000000", "MP4")]
    [InlineData("0000000C4A584C200D0A870A", "JPEG XL")]
    [InlineData("FF0A", "JPEG XL")]
    [InlineData("0000000C6A5020200D0A870A", "JPEG 2000")]
    [InlineData("FF4FFF51", "JPEG 2000")]
    [InlineData("4949BC01", "JPEG XR")]
    [InlineData("49492A00100000004352", "raw photo")]
    [InlineData("255044462D312E37", "PDF")]
    [InlineData("38425053", "PSD")]
    [InlineData("50360A", "Netpbm")]
    public void The_first_bytes_tell_the_format(string bytes, string name) =>
        Assert.Equal(name, ImageFormats.Of(Convert.FromHexString(bytes))?.Name);

    [Theory]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG")]
    [InlineData("\uFEFF<?xml version='1.0'?>\n<!-- drawn --> <svg>", "SVG")]
    [InlineData("<!DOCTYPE html><html>", null)]
    [InlineData("BMW,3,blue,2019,1 owner", null)]
    [InlineData("path,label", null)]
    [InlineData("", null)]
    public void Text_is_no_image_but_for_svg(string text, string? name) => Assert.Equal(name, ImageFormats.Of(Encoding.UTF8.GetBytes(text))?.Name);

    [Theory]
    [InlineData("0000001C66747970686569630000000068656963", "is a HEIC file, which is not read: convert it to JPEG or PNG")]
    [InlineData("0000001C66747970617669660000000061766966", "is an AVIF file, which is not read: convert it to JPEG or PNG")]
    [InlineData("", "is empty")]
    [InlineData("00FFD8FFE000104A4649",
        "is no image that is read (its first bytes are 00FFD8FFE000104A; expected JPEG, PNG, WebP, BMP, GIF, ICO or TIFF)")]
    public void A_format_that_is_not_read_is_refused_by_name(string bytes, string message) =>
        Assert.Equal(message, Assert.Throws<DataException>(() => ImageFormats.Require(Convert.FromHexString(bytes))).Message);

    [Theory]
    [InlineData("a.jpg", true, false)]
    [InlineData("a.JPEG", true, false)]
    [InlineData("a.jfif", true, false)]
    [InlineData("a.b.Png", true, false)]
    [InlineData("c/a.webp", true, false)]
    [InlineData("a.gif", true, false)]
    [InlineData("a.TIF", true, false)]
    [InlineData("a.HEIC", false, true)]
    [InlineData("a.dng", false, true)]
    [InlineData("a.svg", false, true)]
    [InlineData("jpg", false, false)]
    [InlineData("a.jpg/b", false, false)]
    [InlineData("labels.csv", false, false)]
    [InlineData("", false, false)]
    public void Extensions_are_told_apart(string path, bool isRead, bool isUnread) =>
        Assert.Equal((isRead, isUnread), (ImageFormats.HasImageExtension(path), ImageFormats.HasUnreadExtension(path)));
}
