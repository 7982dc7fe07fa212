#define JVERSION "camera"
#define JCOPYRIGHT ""
#define JCOPYRIGHT_SHORT ""
