"""
Media types by file name: a table of our own, so that a file has the same type on every machine.

The standard library's ``mimetypes`` reads ``/etc/mime.types`` where there is one, so that what a server says of a file
would depend on the packages installed beside it, and on the version of Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# One type on each line, then the endings of names that have it, without the dot. Types are those registered with IANA
# (https://www.iana.org/assignments/media-types) where there is one, or else the one that programs agree on. Where an
# ending has several meanings it is the one that people's files have.
_TABLE: Final = """
application/atom+xml atom
application/cbor cbor
application/dash+xml mpd
application/dicom dcm
application/epub+zip epub
application/fits fits fit
application/geo+json geojson
application/geopackage+sqlite3 gpkg
application/gml+xml gml
application/gpx+xml gpx
application/gzip gz tgz svgz
application/java-archive jar
application/json json map
application/jsonl jsonl
application/ld+json jsonld
application/mac-binhex40 hqx
application/manifest+json webmanifest
application/mbox mbox
application/mp21 m21
application/msword doc
application/node cjs
application/octet-stream bin dat img
application/oda oda
application/ogg ogx
application/onenote one onetoc2
application/pdf pdf
application/pgp-encrypted gpg pgp
application/pgp-keys asc
application/pgp-signature sig
application/pkcs10 p10 csr
application/pkcs12 p12 pfx
application/pkcs7-mime p7m
application/pkcs7-signature p7s
application/pkix-cert cer
application/pkix-crl crl
application/postscript ps eps ai
application/rdf+xml rdf owl
application/rss+xml rss
application/rtf rtf
application/sql sql
application/toml toml
application/ttml+xml ttml
application/vnd.amazon.mobi8-ebook azw3
application/vnd.android.package-archive apk
application/vnd.apache.parquet parquet
application/vnd.appimage appimage
application/vnd.apple.installer+xml mpkg
application/vnd.apple.keynote key
application/vnd.apple.mpegurl m3u8
application/vnd.apple.numbers numbers
application/vnd.apple.pages pages
application/vnd.comicbook+zip cbz
application/vnd.comicbook-rar cbr
application/vnd.dart dart
application/vnd.debian.binary-package deb udeb
application/vnd.google-earth.kml+xml kml
application/vnd.google-earth.kmz kmz
application/vnd.microsoft.portable-executable exe dll
application/vnd.mozilla.xul+xml xul
application/vnd.ms-cab-compressed cab
application/vnd.ms-excel xls xlt xla
application/vnd.ms-excel.addin.macroenabled.12 xlam
application/vnd.ms-excel.sheet.binary.macroenabled.12 xlsb
application/vnd.ms-excel.sheet.macroenabled.12 xlsm
application/vnd.ms-excel.template.macroenabled.12 xltm
application/vnd.ms-fontobject eot
application/vnd.ms-htmlhelp chm
application/vnd.ms-outlook msg
application/vnd.ms-powerpoint ppt pps pot
application/vnd.ms-powerpoint.presentation.macroenabled.12 pptm
application/vnd.ms-powerpoint.slideshow.macroenabled.12 ppsm
application/vnd.ms-project mpp
application/vnd.ms-word.document.macroenabled.12 docm
application/vnd.ms-word.template.macroenabled.12 dotm
application/vnd.ms-xpsdocument xps
application/vnd.oasis.opendocument.base odb
application/vnd.oasis.opendocument.chart odc
application/vnd.oasis.opendocument.formula odf
application/vnd.oasis.opendocument.graphics odg
application/vnd.oasis.opendocument.graphics-template otg
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.presentation-template otp
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.spreadsheet-template ots
application/vnd.oasis.opendocument.text odt
application/vnd.oasis.opendocument.text-master odm
application/vnd.oasis.opendocument.text-template ott
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.presentationml.slideshow ppsx
application/vnd.openxmlformats-officedocument.presentationml.template potx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.spreadsheetml.template xltx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.openxmlformats-officedocument.wordprocessingml.template dotx
application/vnd.rar rar
application/vnd.rn-realmedia rm
application/vnd.rn-realmedia-vbr rmvb
application/vnd.sqlite3 sqlite sqlite3
application/vnd.tcpdump.pcap pcap
application/vnd.visio vsd vss vst vsdx
application/wasm wasm
application/x-7z-compressed 7z
application/x-abiword abw
application/x-apple-diskimage dmg
application/x-bittorrent torrent
application/x-blender blend
application/x-bzip2 bz2 tbz2 tbz
application/x-chrome-extension crx
application/x-compress z
application/x-cpio cpio
application/x-desktop desktop
application/x-fictionbook+xml fb2
application/x-hdf5 h5 hdf5
application/x-httpd-php php
application/x-indesign indd
application/x-ipynb+json ipynb
application/x-iso9660-image iso
application/x-java-keystore jks
application/x-keepass2 kdbx
application/x-krita kra
application/x-latex latex
application/x-lz4 lz4
application/x-lzh-compressed lzh lha
application/x-lzip lz
application/x-lzma lzma
application/x-mobipocket-ebook mobi prc azw
application/x-ms-shortcut lnk
application/x-msi msi
application/x-mswinurl url
application/x-ndjson ndjson
application/x-pem-file pem
application/x-python-code pyc pyo
application/x-rpm rpm
application/x-sh sh bash zsh
application/x-shockwave-flash swf
application/x-subrip srt
application/x-tar tar
application/x-tex tex ltx
application/x-texinfo texinfo texi
application/x-x509-ca-cert crt der
application/x-xpinstall xpi
application/x-xz xz txz
application/xhtml+xml xhtml xht
application/xml xml xsd
application/xml-dtd dtd
application/xslt+xml xsl xslt
application/yaml yaml yml
application/zip zip
application/zstd zst tzst
audio/aac aac adts
audio/ac3 ac3
audio/aiff aif aiff aifc
audio/amr amr
audio/amr-wb awb
audio/basic au snd
audio/eac3 eac3 ec3
audio/flac flac
audio/matroska mka
audio/midi mid midi kar rmi
audio/mp4 m4a m4b m4r f4a
audio/mpeg mp3 mp2 mpga m2a
audio/ogg ogg oga opus spx
audio/vnd.dts dts
audio/wav wav
audio/webm weba
audio/x-ape ape
audio/x-caf caf
audio/x-dsf dsf
audio/x-mpegurl m3u
audio/x-ms-wma wma
audio/x-musepack mpc
audio/x-pn-realaudio ra
audio/x-scpls pls
audio/x-wavpack wv
font/collection ttc otc
font/otf otf
font/ttf ttf
font/woff woff
font/woff2 woff2
image/aces exr
image/apng apng
image/avci avci
image/avif avif avifs
image/bmp bmp dib
image/cgm cgm
image/dpx dpx
image/emf emf
image/gif gif
image/heic heic
image/heic-sequence heics
image/heif heif hif
image/heif-sequence heifs
image/jls jls
image/jp2 jp2 jpg2
image/jpeg jpg jpeg jpe jfif
image/jpm jpm
image/jpx jpx jpf
image/jxl jxl
image/jxr jxr hdp wdp
image/jxs jxs
image/ktx ktx
image/ktx2 ktx2
image/openraster ora
image/png png
image/svg+xml svg
image/tiff tif tiff
image/vnd.adobe.photoshop psd psb
image/vnd.djvu djvu djv
image/vnd.dwg dwg
image/vnd.dxf dxf
image/vnd.microsoft.icon ico
image/vnd.ms-dds dds
image/vnd.radiance hdr
image/vnd.wap.wbmp wbmp
image/webp webp
image/wmf wmf
image/x-adobe-dng dng
image/x-canon-cr2 cr2
image/x-canon-cr3 cr3
image/x-canon-crw crw
image/x-epson-erf erf
image/x-fuji-raf raf
image/x-hasselblad-3fr 3fr
image/x-hasselblad-fff fff
image/x-kodak-dcr dcr
image/x-kodak-k25 k25
image/x-kodak-kdc kdc
image/x-leaf-mos mos
image/x-minolta-mrw mrw
image/x-nikon-nef nef
image/x-nikon-nrw nrw
image/x-olympus-orf orf
image/x-panasonic-rw2 rw2 raw
image/x-pcx pcx
image/x-pentax-pef pef
image/x-phaseone-iiq iiq
image/x-portable-anymap pnm
image/x-portable-bitmap pbm
image/x-portable-graymap pgm
image/x-portable-pixmap ppm
image/x-samsung-srw srw
image/x-sigma-x3f x3f
image/x-sony-arw arw
image/x-sony-sr2 sr2
image/x-sony-srf srf
image/x-tga tga
image/x-xbitmap xbm
image/x-xcf xcf
image/x-xpixmap xpm
message/rfc822 eml mht mhtml
model/3mf 3mf
model/gltf+json gltf
model/gltf-binary glb
model/iges iges igs
model/mtl mtl
model/obj obj
model/step step stp
model/stl stl
model/vnd.collada+xml dae
model/vnd.usdz+zip usdz
model/vrml wrl vrml
model/x3d+xml x3d
text/cache-manifest appcache
text/calendar ics ifb
text/css css
text/csv csv
text/html html htm shtml
text/javascript js mjs
text/jsx jsx
text/less less
text/markdown md markdown mkd
text/n3 n3
text/plain txt text log conf cfg ini env properties nfo lrc bat cmd ps1 asciidoc adoc
text/sgml sgml sgm
text/tab-separated-values tsv
text/troff roff
text/turtle ttl
text/vcard vcf vcard
text/vnd.familysearch.gedcom ged
text/vnd.graphviz gv
text/vtt vtt
text/x-asm asm s
text/x-bibtex bib
text/x-c c h
text/x-c++ cpp cc cxx hpp hh hxx
text/x-csharp cs
text/x-diff diff patch
text/x-fortran f for f77 f90
text/x-go go
text/x-haskell hs
text/x-java java
text/x-kotlin kt kts
text/x-lua lua
text/x-opml opml
text/x-org org
text/x-pascal pas
text/x-perl pl pm
text/x-python py pyw pyi
text/x-r r
text/x-rst rst
text/x-ruby rb
text/x-rust rs
text/x-sass sass
text/x-scala scala
text/x-scss scss
text/x-ssa ass ssa
text/x-swift swift
text/x-tcl tcl
text/x-typescript tsx
text/x-vue vue
video/3gpp 3gp 3gpp
video/3gpp2 3g2 3gpp2
video/h264 h264 264
video/h265 h265 hevc 265
video/iso.segment m4s
video/matroska mkv
video/matroska-3d mk3d
video/mj2 mj2 mjp2
video/mp2t ts mts m2ts m2t
video/mp4 mp4 m4v mp4v f4v
video/mpeg mpeg mpg mpe m1v m2v vob
video/ogg ogv ogm
video/quicktime mov qt
video/vnd.avi avi
video/vnd.dvb.file dvb
video/webm webm
video/x-dv dv
video/x-flv flv
video/x-ms-asf asf asx
video/x-ms-wmv wmv
video/y4m y4m
"""

TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {ending: media_type for media_type, *endings in map(str.split, _TABLE.splitlines()[1:]) for ending in endings}
)
"""The media type for each ending, in small letters and without its dot."""


def find_type(name: str) -> str | None:
    """
    The media type that the file name ``name`` tells by its ending, in whatever case; ``None`` where it tells none.

    What is packed has the type of its packing: ``a.tar.gz`` is ``application/gzip``, as its bytes are sent as they are.
    """
    stem, dot, ending = name.rpartition(".")
    return TYPES.get(ending.lower()) if stem and dot else None
